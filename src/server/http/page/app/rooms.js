// What the page keeps of each room: its lines, its unread messages, its roles and settings.

// ---- The lines of a room -------------------------------------------------------------------------------

/** What is shown of one room: kept while one is in another, so that nothing is doubled on coming back. */
class View {
  constructor(room) {
    this.room = room;
    this.list = el('ol');
    this.lastId = 0; // of the messages that the server sent; ids only grow
    this.isPartial = true; // its history has not come to its end
    this.byId = new Map();
    this.forget();
  }

  /** The next line does not go on from the one before. */
  forget() {
    this.tail = null;
    this.minute = NaN;
    this.presence = null;
  }

  /** Removes a deleted message, and where it is quoted. */
  remove(id) {
    const quotes = this.list.querySelectorAll(`[data-quotes="${id}"]`);
    for (const node of [this.byId.get(id), ...quotes]) if (node) this.#removeLine(node);
    this.byId.delete(id);
  }

  #removeLine(node) {
    const next = node.nextElementSibling;
    // The next line takes over the name and the time.
    if (!node.classList.contains('more')) next?.classList.remove('more');
    next?.classList.remove('same');
    if (node.contains(document.activeElement)) $.log.focus();
    node.remove();
    if (!next) this.forget();
  }
}

const views = new Map();
let view;
forgetRooms();

function forgetRooms() {
  view = new View('lobby');
  views.clear();
  views.set('lobby', view);
  $.log.replaceChildren(view.list);
}

function showRoom(room) {
  flush();
  const key = fold(room);
  const known = views.get(key) ?? new View(room);
  views.delete(key);
  views.set(key, known); // last: the one used last
  if (views.size > MAX_VIEWS) views.delete(views.keys().next().value);
  if (known !== view) {
    // It is not news to a screen reader.
    quieten();
    view = known;
    $.log.replaceChildren(view.list);
    stick = true;
    missed.clear();
  }
  me.room = room;
}

// ---- Followed rooms ------------------------------------------------------------------------------------

/** A room that the user follows beside the current one: its messages are counted, not shown. */
class FollowedRoom {
  constructor(room) {
    this.room = room;
    this.here = 0;
    this.topic = null;
    this.lastId = 0; // of its messages
    this.isKnown = false; // what comes after `lastId` is new to the user
    this.replay = null; // null | 'entry' | 'again': which history of it comes
    this.unreadIds = [];
    this.readId = 0; // the last message before the unread ones
    this.mentionIds = []; // unread messages that mention the user
    this.hasGap = false; // more are unread than could be counted
    this.isConfirmed = false; // by the server, on this connection
    this.overlaps = true; // the history that comes is known to go on from `lastId`
  }

  get isPartial() { return this.isKnown && this.replay === 'entry'; }
  get unread() { return this.unreadIds.length; }
  get isMentioned() { return this.mentionIds.length > 0; }

  /** A message was deleted. */
  remove(id) {
    for (const ids of [this.unreadIds, this.mentionIds]) if (ids.includes(id)) ids.splice(ids.indexOf(id), 1);
  }
}

let followed = new Map(); // folded name -> FollowedRoom

/** Whether an event is of the current room. A server of revision 1 does not name it: there is no other. */
const isCurrent = (f) => f.room === undefined || sameRoom(f.room, me.room);

/** Rooms can be followed on servers of revision 2, except where names are addresses. */
const canFollow = () => me.rev >= 2 && !me.name.includes(':');
const isMember = (room) => canFollow() && (sameRoom(room, me.room) || followed.has(fold(room)));
const lastIdOf = (room) => (sameRoom(room, me.room) ? view : followed.get(fold(room)))?.lastId ?? 0;

/** The newest message up to which nothing is missing in any room; 0 if that is not known. */
function newestSeen() {
  const all = [view, ...followed.values()];
  const newest = Math.max(...all.map((room) => room.lastId));
  const isOpen = (room) => room.isPartial || room.isConfirmed === false;
  return Math.min(newest, ...all.filter(isOpen).map((room) => room.lastId || askedAfter));
}

/** The list outlives a reload of the page. */
function rememberFollowed() {
  const kept = [...followed.values()];
  remember('sessionStorage', 'followed', kept.length ? JSON.stringify({ run: me.run, rooms: kept }) : '');
}

function recallFollowed() {
  try {
    const { run, rooms: kept } = JSON.parse(recall('sessionStorage', 'followed'));
    followed = new Map(kept.map((each) => [fold(each.room), Object.assign(new FollowedRoom(each.room), each, { replay: null })]));
    me.run = run;
  } catch { /* there are none */ }
}

function followedChanged() {
  rememberFollowed();
  roomsChanged = true;
  wantFlush();
}

function forgetFollowed() {
  followed.clear();
  followedChanged();
}

/** The server did not let the user follow a room again. */
function dropUnconfirmed(room) {
  const known = followed.get(fold(room));
  if (!known || known.isConfirmed || reentering.has(fold(room))) return;
  followed.delete(fold(room));
  followedChanged();
  settleDoubts(room);
}

/** The server has answered a later line: what it does not let the user follow by now, it has refused. */
function dropRefused() {
  followed.forEach((room) => dropUnconfirmed(room.room));
}

function countMessage(f, room) {
  if (room.replay === 'again') return quote(f);
  const own = f.name === me.name;
  if (room.replay === 'entry') confirmLost(f);
  else if (own && answered([KIND_OF[f.t]], f.text)) notice(T.saidIn(room.room, f.text));
  const isSeen = f.id && f.id <= room.lastId;
  room.hasGap ||= !room.overlaps && !isSeen;
  room.overlaps = true;
  if (isSeen) return;
  const before = room.lastId;
  if (f.id) room.lastId = f.id;
  if (own || (room.replay === 'entry' && !room.isKnown)) return;
  if (room.unread === 0) room.readId = before;
  room.unreadIds.push(f.id);
  if (isMention(f)) countMention(f, room);
  roomsChanged = true;
  wantFlush();
}

function countMention(f, room) {
  if (!room.isMentioned) announce(T.mentionedIn(f.name, room.room));
  room.mentionIds.push(f.id);
  if (focused) return;
  mentionsElsewhere.add(f.id);
  titleChanged = true;
  notifyOf({ name: `${f.name} (${room.room})`, text: f.text });
}

const setCount = (f, room) => {
  room.here = f.here;
  roomsChanged = true;
  wantFlush();
};

/** What is done with events of a room other than the current one. */
const ELSEWHERE = {
  said: countMessage,
  action: countMessage,
  joined: setCount,
  left: setCount,
  summed: setCount,
  // A new name of a member of the current room comes for that room too.
  renamed: renameRole,
  history(f, room) {
    if (room.replay === 'entry') {
      room.hasGap ||= Boolean(f.gap);
      room.overlaps = (askedAfter > 0 && !reentering.has(fold(room.room))) || room.lastId === 0;
      if (f.gap) cannotTell(room.room);
      return;
    }
    room.replay = 'again';
    answered(['history']);
    notice(T.historyOf(room.room, f.messages));
  },
  live(f, room) {
    if (room.replay === 'again' && f.older) notice(T.older(f.older, `#${room.room} `));
    if (room.replay === 'entry') {
      room.isKnown = true;
      reentering.delete(fold(room.room));
      settleDoubts(room.room);
    }
    room.replay = null;
    room.overlaps = true;
    followedChanged();
  },
};

/** Shows a message as an answer, outside of the order of messages. */
function quote(f) {
  const who = f.t === 'action' || f.action ? `* ${f.name} ` : `${f.name}: `;
  show({ kind: 'notice', quotes: f.id, text: namedRoom(f, `${f.id} · ${fullFormat.format(f.at * 1000)} · ${who}${f.text}`) });
}

/** A text about a room; another than the current one is named. */
const namedRoom = (f, text) => isCurrent(f) ? text : T.inOther(f.room, text);
/** How a command names a room that is not the current one. */
const roomArgument = (f) => isCurrent(f) ? '' : `#${f.room} `;

// ---- Roles and settings of rooms -----------------------------------------------------------------------

const SETTINGS = [...document.querySelectorAll('[data-setting]')].map((control) => control.dataset.setting);

/** What is known of a room that the user is in: the server answers once, and then tells of changes. */
class Rules {
  settings = {}; // by name: a number, `true`, or the key; `null` or missing if it is off
  roles = new Map(); // folded name -> 'op' | 'voice'
  muted = new Set(); // folded names, as far as it was seen
}

const rules = new Map(); // folded name of the room -> Rules
const rulesOf = (room) => rules.get(fold(room)) ?? new Rules();

/** Asks for what the server does not tell by itself on entering. */
function askRules(room) {
  if (!canFollow()) return;
  for (const key of rules.keys()) if (key !== fold(me.room) && !followed.has(key)) rules.delete(key);
  rules.set(fold(room), new Rules());
  ask(`/room #${room}`);
}

function rulesChanged() {
  peopleChanged = true;
  settingsChanged = true;
  wantFlush();
}

const roleOf = (name, room = me.room) => (name === me.name && me.role) || rulesOf(room).roles.get(fold(name));
/** Whether the user may do in a room what its operators may. */
const mayOperate = (room = me.room) => canFollow() && (Boolean(me.role) || roleOf(me.name, room) === 'op');

function setRole(room, name, role) {
  const { roles } = rulesOf(room);
  if (role) roles.set(fold(name), role);
  else roles.delete(fold(name));
  rulesChanged();
}

function renameRole(f) {
  const room = f.room ?? me.room;
  const role = rulesOf(room).roles.get(fold(f.old));
  if (!role) return;
  setRole(room, f.old, null);
  setRole(room, f.new, role);
}

const settingText = (name, value) => value ? [T.settingNames[name], value].filter((part) => part !== true).join(' ') : T.off(T.settingNames[name]);
