// What is done for the frames about rooms and their members.

const ROOM_FRAMES = {
  room(f) {
    const asked = answered(['join']);
    // A room that wanted its key again goes on, too.
    resumed = Boolean(asked?.silent);
    askedAfter = 0;
    keepKey(f.room, asked);
    moveHome(f, Boolean(asked && !asked.silent) && isStillThere(asked));
    if (!resumed) tellHome(T.inRoom(f.room, f.here));
    askAround();
  },
  following(f) {
    const view = room(f.room);
    // The history is what came after that message.
    if (view.isMember && !view.isConfirmed && askedAfter > 0 && view.lastId === 0) Object.assign(view, { lastId: askedAfter, readId: view.readId ?? askedAfter });
    const asked = answered(['follow']);
    arrive(view, f);
    keepKey(f.room, asked);
    if (asked && !asked.silent) {
      notice(T.following(f.room, f.here), asked.opens ? view : shown);
      if (asked.opens && isStillThere(asked)) {
        showView(view, { carries: true });
        focusFirst();
      }
    }
  },
  unfollowed(f) {
    const asked = answered(['unfollow']);
    leave(findRoom(f.room));
    if (asked && !asked.silent) notice(T.unfollowed(f.room));
  },
  read(f) {
    const view = room(f.room);
    view.reportedId = Math.max(view.reportedId, f.id);
    view.readId = view.isGuessed ? f.id : Math.max(view.readId ?? 0, f.id);
    view.isGuessed = false;
    if (view.isComplete) recount(view);
    if (view === shown && view.isComplete) markRead();
  },
  history: (f) => beginHistory(f),
  live: (f) => endHistory(f),
  topic(f) {
    // The answer to `/topic` has the same shape as the event that a member set it.
    const asked = answered(f.name === me.name ? ['topic', 'set_topic'] : ['topic']);
    const view = roomOf(f);
    if (view) view.topic = f.text ?? '';
    roomsChanged = true;
    if (view === shown) drawHeading();
    const text = (asked?.kind === 'topic' ? T.topicIs : T.topicSet)(f.name, f.text);
    if (asked?.kind === 'topic') notice(namedRoom(f, text));
    else if (view) notice(text, view);
    wantFlush();
  },
  said: (f) => message(f),
  action: (f) => message(f),
  deleted(f) {
    const text = T.deleted(Math.max(1, f.ids.length), f.name, f.by);
    const asked = told(f, ['delete'], text);
    // A member that is muted by the server is answered without an id.
    const ids = f.ids.length > 0 ? f.ids : [Number(asked?.text)];
    removeMessages(ids);
    forgetResults(ids);
  },
  settings(f) {
    const asked = answered(['room', 'set_room']);
    const view = roomOf(f);
    const settings = Object.fromEntries(SETTINGS.map((name) => [name, f[name.replace('-', '_')]]));
    if (view) {
      view.settings = settings;
      view.roles = new Map([...f.voices.map((name) => [fold(name), 'voice']), ...f.operators.map((name) => [fold(name), 'op'])]);
    }
    if (typeof f.key === 'string') keys.set(fold(f.room), f.key);
    rulesChanged();
    if (asked?.silent) return;
    const list = SETTINGS.filter((name) => settings[name]).map((name) => settingText(name, settings[name]));
    notice(T.settingsOf(f.room, ...[list, f.operators, f.voices].map((items) => items.join(T.comma))));
  },
  setting(f) {
    const view = roomOf(f);
    if (view) view.settings[f.setting] = f.value;
    rulesChanged();
    told(f, ['set_room'], T.settingChanged(f.by, settingText(f.setting, f.value)));
    // The word is told to operators that ask.
    if (view?.isMember && f.setting === 'key' && f.value && mayOperate(view)) ask(`/room #${f.room}`);
  },
  role(f) {
    if (f.room === null) {
      me.role = f.role;
      notice(T.moderator(f.by, Boolean(f.role)));
      rulesChanged();
      for (const view of memberRooms()) ask(`/room #${view.name}`);
      return;
    }
    const view = roomOf(f);
    const had = view?.roles.get(fold(f.name));
    if (view) setRole(view, f.name, f.role);
    const text = f.role ? T.roleGiven[f.role] : T.roleTaken[had ?? 'voice'];
    told(f, ['op', 'deop', 'voice', 'devoice'], text(f.by, f.name));
  },
  moderation(f) {
    const view = roomOf(f);
    if (f.act === 'muted') view?.muted.add(fold(f.name));
    if (f.act === 'unmuted') view?.muted.delete(fold(f.name));
    if (f.act === 'banned') view?.roles.delete(fold(f.name));
    rulesChanged();
    told(f, ['mute', 'unmute', 'ban', 'unban'], T.moderation[f.act](f.name, f.by));
  },
  mask(f) {
    told(f, ['ban', 'unban'], T.maskSet(f.by, f.kind, f.mask, f.added));
  },
  removed(f) {
    const item = { kind: 'notice', text: T.removed(f.room, f.cause, f.by, f.why) };
    // The lobby comes next, and its history.
    if (sameRoom(f.room, me.room)) return afterEntry.push(item);
    leave(findRoom(f.room));
    show(item);
  },
  invited(f) {
    if (f.name === me.name) return show({ kind: 'invite', room: f.room, text: T.invitesYou(f.by, f.room) });
    answered(['invite']);
    notice(T.invited(f.name, f.room));
  },
  joined(f) {
    const view = roomOf(f);
    if (!view) return;
    setHere(view, f.here);
    view.people.set(fold(f.name), f.name);
    coming(T.joined(f.name), view);
    tellTalk(f.name, T.joined(f.name));
    // It was here before, and may have kept its role, or lost it.
    if (view.roles.has(fold(f.name))) ask(`/room #${view.name}`);
  },
  left(f) {
    const view = roomOf(f);
    if (f.cause === 'kicked') answered(['kick']);
    if (!view) return;
    setHere(view, f.here);
    view.people.delete(fold(f.name));
    view.away.delete(fold(f.name));
    const why = T.causes[f.cause];
    const text = T.leftRoom(f.name, typeof why === 'function' ? why(f.reason) : why ?? '');
    coming(text, view);
    if (!['moved', 'kicked'].includes(f.cause)) tellTalk(f.name, text);
  },
  renamed(f) {
    const view = roomOf(f);
    if (view) renamePerson(view, f);
    renameHue(f.old, f.new);
    renameTalk(f);
    if (f.old !== me.name && f.new !== me.name) {
      if (view) presence(T.renamed(f.old, f.new), view);
      return;
    }
    view?.people.delete(fold(f.new));
    if (f.old !== me.name) return;
    answered(['nick']);
    me.name = f.new;
    rememberName();
    notice(T.youRenamed(f.new));
  },
  summed(f) {
    const view = roomOf(f);
    if (!view) return;
    setHere(view, f.here);
    view.isSummed = true;
    coming(T.summed(f.joined, f.left), view);
  },
  away(f) {
    // An event of a room; without a room, the answer to a command or a whisper.
    if (f.room !== undefined) return setAway(roomOf(f), f);
    if (f.name !== me.name) return notice(T.away(f.name, f.text), findTalk(f.name));
    answered(['away']);
    notice(T.youAway(f.text));
  },
};

/** The room in which the user is at the server has changed, or been entered. */
function moveHome(f, isAsked) {
  const before = home();
  const view = room(f.room);
  me.room = f.room;
  const isSeen = isAsked || shown === before || !views.has(shown.key);
  arrive(view, f);
  if (isSeen) showView(view, { carries: isAsked });
  if (before && before !== view) leave(before);
}

/** Whether the user has not gone to another view since the line was sent. */
const isStillThere = ({ from = shown }) => from === shown;

/** Tells what a member has done in a room: the line stands there, and the user who did it reads it. */
function told(f, kinds, text) {
  const asked = f.by === me.name ? answered(kinds) : undefined;
  const view = roomOf(f);
  if (view) notice(text, view);
  if (asked && view !== shown) notice(namedRoom(f, text));
  return asked;
}

function setAway(view, f) {
  if (!view) return;
  if (f.text === null) view.away.delete(fold(f.name));
  else view.away.set(fold(f.name), f.text);
  peopleChanged = true;
  wantFlush();
}

/** A conversation tells that the other person has come or gone: the next one of that name may be another person. */
function tellTalk(name, text) {
  const view = findTalk(name);
  if (view && view.live.items.at(-1)?.text !== text) addLine(view, { kind: 'notice', text });
}

/** A conversation goes on under the new name. */
function renameTalk(f) {
  const view = findTalk(f.old);
  if (!view || findTalk(f.new)) return;
  views.delete(view.key);
  Object.assign(view, { name: f.new, key: viewKey('talk', f.new) });
  views.set(view.key, view);
  if (view === shown) drawHeading();
  roomsChanged = true;
}

/** The server did not let the user follow a room again. */
function dropUnconfirmed(view) {
  if (!view?.isMember || view.isConfirmed || isHome(view) || reentering.has(fold(view.name))) return;
  leave(view);
  settleDoubts(view.name);
}

/** The server has answered a later line: what it does not let the user follow by now, it has refused. */
function dropRefused() {
  memberRooms().forEach(dropUnconfirmed);
}
