// What is done for the frames about the connection and the login, and the choice of what to do for a frame.

const LOGIN_FRAMES = {
  hello(f) {
    me.maxLine = f.max_line ?? me.maxLine;
    // Later it is what the user has set.
    if (phase !== 'here') me.echo = true;
    me.rev = f.rev ?? 1;
    me.lang = f.lang;
    serverName = $.brand.textContent = f.name ?? serverName;
    retitle();
    me.stores = Boolean(f.store);
    // A server that does not take part in its cluster yet does not know the run, and says hello again.
    if (!f.run) return;
    if (me.run && me.run !== f.run) {
      for (const view of views.values()) if (view.isRoom) view.isForeign = true;
      cannotTell();
    }
    me.run = f.run;
  },
  waiting(f) {
    phase = 'waiting';
    $.number.textContent = f.number;
    $.inLine.textContent = T.inLine(f.number, me.wanted);
    announce(`${T.full}. ${$.inLine.textContent}`);
    screen('waiting');
  },
  ask() {
    phase = 'asked';
    if (prompt?.name === '' && prompt.given) passwords.set('', prompt.given);
    prompt = null;
    // After wrong passwords it may be another nickname that is wanted.
    if (holdsName) return drawLogin();
    socket.send(me.wanted);
  },
  ask_password(f) {
    phase = 'asked';
    prompt = { name: f.name ?? '', given: '', isKept: false };
    const kept = passwords.get(fold(prompt.name));
    if (kept) givePassword(kept, true);
    else showPrompt('');
  },
  refused(f) {
    const text = (VAGUE.has(f.what) && me.lang === LANG && f.text) || (T.refused[f.what]?.(f) ?? f.text ?? f.what);
    if (giveKeyAgain(f)) return;
    if (f.room) {
      reentering.delete(fold(f.room));
      dropUnconfirmed(findRoom(f.room));
    }
    if (phase === 'here' && !LAST_WORDS.has(f.what)) return refusedLine(f, text);
    if (prompt && PASSWORD_REASONS.has(f.what)) return refusedPassword(f, text);
    // The room of the address cannot be had; one comes to the lobby instead.
    if (ROOM_REASONS.has(f.what) && !f.asked) {
      if (f.what === 'wrong_key') askKey(f.room, 'join', false);
      return afterEntry.push({ kind: 'refused', text });
    }
    if (f.asked || (phase === 'asked' && !LAST_WORDS.has(f.what))) return refusedName(f, text);
    if (f.what === 'still_waiting') return announce(text);
    // The page waits for its own lost connection to let go of the name, for longer than a prompt lasts.
    if (f.what === 'login_timeout' && returning()) return;
    // A newcomer who is turned away. One who was here before keeps trying where that may help.
    if (beenIn && PASSING.has(f.what)) return setBanner(text);
    parting = text;
  },
  entered(f) {
    // The user is here already if it has taken an account that is here, too.
    const switched = phase === 'here';
    const returning = beenIn && !switched;
    if (!beenIn) welcomeOwner(f.name);
    if (switched) for (const view of memberRooms()) view.isConfirmed = false;
    if (returning && !sameRoom(f.room, me.room)) cannotTell(me.room);
    phase = 'here';
    Object.assign(me, { name: f.name, role: f.role ?? null, since: Infinity, mayRegister: f.account === false });
    enteredAs(f.account);
    rememberName();
    // Not all at once after a restart, should it end the same way again.
    settledTimer = setTimeout(() => { attempts = 0; }, 5000);
    moveHome(f, !beenIn && !shown.isMember && shown.isRoom);
    if (!beenIn) setAddress(shown);
    setBanner('');
    drawHint();
    screen('room');
    beenIn = true;
    if (returning) announce(T.back);
    else tellHome(T.welcome(f.name, f.room, f.here));
    if (!returning && !$.keyForm.hidden) $.key.focus();
    // The current room of before wants its key before anything else is asked.
    afterLogin.splice(0).forEach(ask);
    // The server forgets whom a guest does not read when the connection is lost.
    if (returning) for (const name of ignored.values()) ask(`/ignore ${name}`);
    ask('/ignore');
    askAround();
  },
  kicked(f) { parting = T.kicked(f.why, f.by); },
  goodbye() { parting = T.goodbye; },
  ending() { setBanner(T.stopped); attempts = Math.max(attempts, 1); },
};

/** After these words the server closes, and coming back at once would be against its will. */
const LAST_WORDS = new Set(['idle', 'banned', 'login_timeout']);
/** A room lets a member in that has the right key, is invited, or is an operator. */
const ENTRY_REASONS = new Set(['wrong_key', 'invite_only', 'room_full', 'banned_from']);
const ROOM_REASONS = new Set([...ENTRY_REASONS, 'bad_room_name', 'too_many_rooms', 'too_many_stored_rooms', 'too_many_made', 'looks_like']);
/** The sentence of the server says more than the other members of these refusals. */
const VAGUE = new Set(['has_role', 'lacks_role', 'muted_in', 'slow_mode', 'not_restricted', 'no_message', 'not_yours', 'shared_address']);
/** Reasons why a password is not taken. */
const PASSWORD_REASONS = new Set(['wrong_password', 'too_many_wrong_passwords', 'too_many_logins', 'passwords_fail']);
/** Reasons that pass by themselves. */
const PASSING = new Set(['full', 'busy', 'too_many_from_address']);

const HANDLERS = { ...LOGIN_FRAMES, ...ROOM_FRAMES, ...ANSWERS };

function handleFrame(data) {
  let frame;
  try { frame = JSON.parse(data); } catch { return; }
  lastFrame = performance.now();
  if (Object.hasOwn(HANDLERS, frame.t)) HANDLERS[frame.t](frame);
  else if (frame.text) notice(String(frame.text));
}
