// The messages of the current room, new ones and those of its history.

let arriving = false;
let afterHistory = []; // lines that are shown below the history that comes
let replayed = { asked: 0, first: 0, ids: new Set() };

/** In a room, whether by login, return or `/join`: its history comes next. */
function arrive(f) {
  const known = views.has(fold(f.room));
  showRoom(f.room);
  view.isPartial = true;
  const wasFollowed = followed.get(fold(f.room));
  newAfter = wasFollowed?.unread ? wasFollowed.readId : Infinity;
  followed.delete(fold(f.room));
  followedChanged();
  arriving = true;
  overlap = !known || view.lastId === 0;
  people = new Map();
  setPeople(f);
  setAddress(f.room);
  $.roomName.textContent = f.room;
  setTopic({ room: f.room, text: f.topic });
  $.text.placeholder = T.say(f.room);
  retitle();
  shownSettings = {};
  rulesChanged();
  if (!wasFollowed) askRules(f.room);
}

function setTopic(f) {
  const text = f.text ?? '';
  const known = followed.get(fold(f.room));
  if (known) known.topic = text;
  roomsChanged = true;
  wantFlush();
  if (!isCurrent(f)) return;
  $.topic.hidden = !text;
  $.topic.textContent = $.topic.title = text;
}

/** Whether the history that comes is known to go on from what is shown. */
let overlap = true;
let newAfter = Infinity; // the last message that was read in a room that was followed until now

/** Whether a message of another member mentions the user. */
const isMention = (f) => f.name !== me.name && mentionsUser(f.text);

function message(f) {
  const own = f.name === me.name;
  if (replay === 'entry') confirmLost(f);
  else if (own && replay === null) answered([KIND_OF[f.t]], f.text);
  const item = { kind: f.t, id: f.id, at: f.at, name: f.name, text: f.text, own };
  item.mention = isMention(f);
  if (replay !== null) replayed.ids.add(f.id);
  if (replay === 'again') return showAgain(item);
  // Ids grow, so that what is not above the last one has been shown. A line without one is told to us alone.
  if (f.id && f.id <= view.lastId) { overlap = true; return; }
  if (replay === 'entry' && !overlap && !askedAfter) { overlap = true; show({ kind: 'rule', text: T.perhapsGap }); }
  if (f.id) view.lastId = f.id;
  if (f.id > newAfter) {
    item.first = true;
    newAfter = Infinity;
  }
  // What was said before one came for the first time is no news; what was missed meanwhile is.
  item.news = !own && (replay === null || resumed);
  addLine(item);
}

function addLine(item) {
  if (item.news) countUnread(item);
  show(item);
}

/** The answer to `/history`: shows only what is not there already, and goes to its beginning. */
function showAgain(item) {
  replayed.first ||= item.id;
  if (item.id > view.lastId) { view.lastId = item.id; return show(item); }
  if (!view.byId.has(item.id) && item.id) show({ ...item, place: true });
}

/** Tells what a member has done in a room: the current one, or one where the user did it; returns the line of the user. */
function told(f, kinds, text) {
  const asked = f.by === me.name ? answered(kinds) : undefined;
  if (asked || isCurrent(f)) notice(namedRoom(f, text));
  return asked;
}

function removeMessages(ids) {
  flush();
  for (const id of ids) {
    for (const set of [unread, missed, mentionsElsewhere]) set.delete(id);
    for (const room of [...views.values(), ...followed.values()]) room.remove(id);
  }
  titleChanged = true;
  followedChanged();
}

/** Removes the messages that a history leaves out: they were deleted. The user's own may be hidden from all others. */
function dropDeleted() {
  const [first, last] = [[...replayed.ids][0], [...replayed.ids].at(-1)];
  for (const [id, node] of view.byId) {
    if (id > first && id < last && !replayed.ids.has(id) && !node.classList.contains('own')) view.remove(id);
  }
}

function endReplay(older) {
  flush();
  const first = view.byId.get(replayed.first);
  if (replayed.asked > 0 && first) {
    first.classList.add('found');
    first.scrollIntoView({ block: 'start' });
    stick = false;
  }
  const text = (replayed.before ? T.replayedBefore : T.replayed)(replayed.asked);
  announce(text);
  if (!first) notice(text);
  if (older) notice(T.older(older, ''));
}

/** Another run of the server counts anew. */
function forgetIds() {
  for (const other of views.values()) {
    other.lastId = 0;
    other.byId.clear();
    for (const line of other.list.children) ['id', 'quotes'].forEach((key) => delete line.dataset[key]);
  }
  followed.forEach((room) => Object.assign(room, { lastId: 0, readId: 0, unreadIds: room.unreadIds.map(() => 0), mentionIds: room.mentionIds.map(() => 0) }));
  if (beenIn) show({ kind: 'rule', text: T.restarted });
}

/** What the server did not say by itself: the names of all, and the rooms. */
function askAround() {
  if (phase !== 'here') return;
  if (summedUp || people.size + 1 < here) ask('/who');
  ask('/rooms');
}
const ask = (line) => transmit(line, { silent: true });
