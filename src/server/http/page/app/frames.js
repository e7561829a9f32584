// What is done for each frame from the server.

const HANDLERS = {
  hello(f) {
    me.maxLine = f.max_line ?? me.maxLine;
    me.echo = true;
    me.rev = f.rev ?? 1;
    me.lang = f.lang;
    serverName = $.brand.textContent = f.name ?? serverName;
    retitle();
    if (me.rev < 2) forgetFollowed();
    if (me.run && me.run !== f.run) {
      forgetIds();
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
      dropUnconfirmed(f.room);
    }
    if (phase === 'here' && !LAST_WORDS.has(f.what)) return refusedLine(f, text);
    if (prompt && PASSWORD_REASONS.has(f.what)) return refusedPassword(f, text);
    // The room of the address cannot be had; one comes to the lobby instead.
    if (ROOM_REASONS.has(f.what) && !f.asked) {
      if (f.what === 'wrong_key') askKey(f.room, 'join', false);
      return afterHistory.push({ kind: 'refused', text });
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
    if (switched) followed.forEach((room) => { room.isConfirmed = false; });
    if (returning && !sameRoom(f.room, me.room)) cannotTell(me.room);
    phase = 'here';
    Object.assign(me, { name: f.name, role: f.role ?? null, since: Infinity, mayRegister: f.account === false });
    enteredAs(f.account);
    rememberName();
    // Not all at once after a restart, should it end the same way again.
    settledTimer = setTimeout(() => { attempts = 0; }, 5000);
    arrive(f);
    setBanner('');
    screen('room');
    beenIn = true;
    if (returning) announce(T.back);
    else notice(T.welcome(f.name, f.room, f.here));
    if (!returning && !$.keyForm.hidden) $.key.focus();
    // The current room of before wants its key before anything else is asked.
    afterLogin.splice(0).forEach(ask);
    askAround();
  },
  motd(f) {
    const asked = answered(['motd']);
    // After a restart of the server the user has read the same text already.
    if (asked || f.text !== motd) notice(f.text ?? T.noMotd);
    motd = f.text;
  },
  room(f) {
    const asked = answered(['join']);
    // A room that wanted its key again goes on, too.
    resumed = Boolean(asked?.silent);
    askedAfter = 0;
    keepKey(f.room, asked);
    arrive(f);
    if (!resumed) notice(T.inRoom(f.room, f.here));
    askAround();
  },
  following(f) {
    const known = followed.get(fold(f.room));
    const room = known ?? new FollowedRoom(f.room);
    // The history is what came after that message.
    if (known && askedAfter > 0 && !known.isKnown) Object.assign(known, { lastId: askedAfter, isKnown: true });
    Object.assign(room, { here: f.here, topic: f.topic, replay: 'entry', isConfirmed: true });
    followed.set(fold(f.room), room);
    followedChanged();
    const asked = answered(['follow']);
    keepKey(f.room, asked);
    if (asked && !asked.silent) notice(T.following(f.room, f.here));
    askRules(f.room);
  },
  unfollowed(f) {
    answered(['unfollow']);
    followed.delete(fold(f.room));
    followedChanged();
    notice(T.unfollowed(f.room));
  },
  account(f) {
    const asked = answered([ACCOUNT_KINDS[f.what]]);
    if (me.account) passwords.delete(fold(me.account));
    me.account = f.what === 'unregistered' ? '' : f.name ?? me.account;
    me.mayRegister = !me.account;
    if (asked && me.account) passwords.set(fold(me.account), lastWord(asked.line));
    rememberName();
    endAccountForm(Boolean(asked));
    notice(T.account[f.what]?.(f.name) ?? f.text);
  },
  read(f) { readIds.set(fold(f.room), f.id); },
  history(f) {
    if (phase === 'here' && arriving) {
      replay = 'entry';
      if (f.gap) {
        show({ kind: 'rule', text: T.gap });
        cannotTell(me.room);
      }
    } else {
      // Lines that wait to be shown would be taken for missing ones.
      flush();
      replay = 'again';
      answered(['history']);
    }
    replayed = { asked: f.messages, first: 0, before: f.before, ids: new Set() };
  },
  live(f) {
    if (replay === 'again') endReplay(f.older);
    else flush();
    dropDeleted();
    replayed.ids.clear();
    if (arriving) {
      view.isPartial = false;
      reentering.delete(fold(me.room));
      afterHistory.splice(0).forEach(show);
    }
    // What the user has said from now on can be deleted.
    if (me.since === Infinity) me.since = Math.max(...[...views.values(), ...followed.values()].map((room) => room.lastId));
    replay = null;
    arriving = false;
    resumed = false;
    settleDoubts(me.room);
  },
  topic(f) {
    // The answer to `/topic` has the same shape as the event that a member set it.
    const asked = answered(f.name === me.name ? ['topic', 'set_topic'] : ['topic']);
    setTopic(f);
    if (asked || isCurrent(f)) notice(namedRoom(f, (asked?.kind === 'topic' ? T.topicIs : T.topicSet)(f.name, f.text)));
  },
  search(f) {
    answered(['search']);
    notice(namedRoom(f, T.found(f.messages, f.words)));
  },
  found: (f) => quote(f),
  search_ends(f) { notice(namedRoom(f, T.foundOlder(f.older, f.words, roomArgument(f)))); },
  said: (f) => message(f),
  action: (f) => message(f),
  deleted(f) {
    const text = T.deleted(Math.max(1, f.ids.length), f.name, f.by);
    const asked = told(f, ['delete'], text);
    // A member that is muted by the server is answered without an id.
    removeMessages(f.ids.length > 0 ? f.ids : [Number(asked?.text)]);
  },
  settings(f) {
    const asked = answered(['room', 'set_room']);
    const known = rulesOf(f.room);
    known.settings = Object.fromEntries(SETTINGS.map((name) => [name, f[name.replace('-', '_')]]));
    known.roles = new Map([...f.voices.map((name) => [fold(name), 'voice']), ...f.operators.map((name) => [fold(name), 'op'])]);
    if (typeof f.key === 'string') keys.set(fold(f.room), f.key);
    rulesChanged();
    if (asked?.silent) return;
    const list = SETTINGS.filter((name) => known.settings[name]).map((name) => settingText(name, known.settings[name]));
    notice(T.settingsOf(f.room, ...[list, f.operators, f.voices].map((items) => items.join(T.comma))));
  },
  setting(f) {
    rulesOf(f.room).settings[f.setting] = f.value;
    rulesChanged();
    told(f, ['set_room'], T.settingChanged(f.by, settingText(f.setting, f.value)));
    // The word is told to operators that ask.
    if (f.setting === 'key' && f.value && mayOperate(f.room) && isMember(f.room)) ask(`/room #${f.room}`);
  },
  role(f) {
    if (f.room === null) {
      me.role = f.role;
      notice(T.moderator(f.by, Boolean(f.role)));
      rulesChanged();
      return ask(`/room #${me.room}`);
    }
    const had = rulesOf(f.room).roles.get(fold(f.name));
    setRole(f.room, f.name, f.role);
    const text = f.role ? T.roleGiven[f.role] : T.roleTaken[had ?? 'voice'];
    told(f, ['op', 'deop', 'voice', 'devoice'], text(f.by, f.name));
  },
  moderation(f) {
    const known = rulesOf(f.room);
    if (f.act === 'muted') known.muted.add(fold(f.name));
    if (f.act === 'unmuted') known.muted.delete(fold(f.name));
    if (f.act === 'banned') known.roles.delete(fold(f.name));
    rulesChanged();
    told(f, ['mute', 'unmute', 'ban', 'unban'], T.moderation[f.act](f.name, f.by));
  },
  removed(f) {
    const item = { kind: 'notice', text: T.removed(f.room, f.cause, f.by, f.why) };
    // The lobby comes next, and its history.
    if (isCurrent(f)) return afterHistory.push(item);
    followed.delete(fold(f.room));
    followedChanged();
    show(item);
  },
  invited(f) {
    if (f.name === me.name) return show({ kind: 'invite', room: f.room, text: T.invitesYou(f.by, f.room) });
    answered(['invite']);
    notice(T.invited(f.name, f.room));
  },
  whisper(f) {
    addLine({ kind: 'whisper', at: f.at, name: f.from, text: f.text, news: true });
  },
  whispered(f) {
    answered(['whisper'], f.text);
    show({ kind: 'whispered', at: f.at, name: f.to, text: f.text, own: true });
  },
  joined(f) {
    setHere(f.here);
    people.set(fold(f.name), f.name);
    coming(T.joined(f.name));
    // It was here before, and may have kept its role, or lost it.
    if (rulesOf(me.room).roles.has(fold(f.name))) ask(`/room #${me.room}`);
  },
  left(f) {
    setHere(f.here);
    people.delete(fold(f.name));
    if (f.cause === 'kicked') answered(['kick']);
    const why = T.causes[f.cause];
    coming(T.leftRoom(f.name, typeof why === 'function' ? why(f.reason) : why ?? ''));
  },
  renamed(f) {
    renameHue(f.old, f.new);
    people.delete(fold(f.old));
    people.set(fold(f.new), f.new);
    setHere(here);
    renameRole(f);
    if (f.old !== me.name) return presence(T.renamed(f.old, f.new));
    answered(['nick']);
    me.name = f.new;
    rememberName();
    notice(T.youRenamed(f.new));
  },
  summed(f) {
    setHere(f.here);
    summedUp = true;
    coming(T.summed(f.joined, f.left));
  },
  people(f) {
    const asked = answered(['who']);
    if (isCurrent(f)) setPeople(f);
    else if (followed.has(fold(f.room))) setCount(f, followed.get(fold(f.room)));
    if (asked?.silent) return;
    const names = [...f.names];
    const more = f.here - names.length - (f.you ? 1 : 0);
    if (more > 0) names.push(T.others(more));
    if (f.you) names.push(T.youWord);
    notice(T.who(f.here, f.room, names.length ? listOf(names) : ''));
  },
  rooms(f) {
    rooms = f.rooms;
    roomsChanged = true;
    wantFlush();
    if (answered(['rooms'])?.silent) return dropRefused();
    notice(T.roomsAre(listOf(f.rooms.map(([room, n]) => T.roomCount(room, n))), f.more));
  },
  pong(f) {
    if (!answered(['ping'])?.silent) notice(T.pong(f.text));
  },
  echo(f) {
    answered(['echo']);
    me.echo = f.on;
    notice(T.echo(f.on));
  },
  quiet(f) {
    answered(['quiet']);
    me.quiet = f.on;
    remember('sessionStorage', 'quiet', f.on ? 'yes' : '');
    notice(T.quiet(f.on));
  },
  away(f) {
    if (f.name !== me.name) return notice(T.away(f.name, f.text));
    answered(['away']);
    notice(T.youAway(f.text));
  },
  whois(f) {
    answered(['whois']);
    notice(T.whois(f.name, fullFormat.format(f.since * 1000), f.rooms?.length ? listOf(f.rooms) : '', T.roles[f.role], f.away, f.account));
  },
  ignoring(f) { answered(['ignore']); notice(T.ignoring(f.name)); },
  not_ignoring(f) { answered(['unignore']); notice(T.notIgnoring(f.name)); },
  ignored(f) { answered(['ignore']); notice(T.ignored(f.names.length ? listOf(f.names) : '')); },
  help() { answered(['help']); show({ kind: 'help' }); },
  note(f) { notice(f.text); },
  kicked(f) { parting = T.kicked(f.why, f.by); },
  goodbye() { parting = T.goodbye; },
  ending() { setBanner(T.restarting); attempts = Math.max(attempts, 1); },
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

function handleFrame(data) {
  let frame;
  try { frame = JSON.parse(data); } catch { return; }
  lastFrame = performance.now();
  if (Object.hasOwn(ELSEWHERE, frame.t) && !isCurrent(frame)) {
    const room = followed.get(fold(frame.room));
    if (room) ELSEWHERE[frame.t](frame, room);
  } else if (Object.hasOwn(HANDLERS, frame.t)) HANDLERS[frame.t](frame);
  else if (frame.text) notice(String(frame.text));
}
