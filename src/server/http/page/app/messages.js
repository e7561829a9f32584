// Messages of rooms, and the histories that come on entering or coming back.

let afterEntry = []; // lines that are shown below the history of the current room

// ---- Entering ------------------------------------------------------------------------------------------

/** The user is a member of a room, whether by login, return, `/join` or `/follow`: its history comes next. */
function arrive(view, f) {
  const isResumed = askedAfter > 0 && view.isMember && !view.isConfirmed && !reentering.has(fold(view.name));
  Object.assign(view, { isMember: true, isConfirmed: true, isComplete: false, history: null, here: f.here, topic: f.topic ?? '' });
  view.overlaps = isResumed || view.lastId === 0;
  setPeople(view, f);
  askRules(view);
  roomsChanged = true;
  if (view === shown) drawSurroundings();
  saveSoon();
  wantFlush();
}

/** The user is no longer a member of a room. */
function leave(view) {
  if (!view) return;
  Object.assign(view, { isMember: false, isConfirmed: false, isComplete: true, history: null, unread: 0, mentions: 0, hasGap: false });
  roomsChanged = titleChanged = true;
  saveSoon();
  if (view === shown) showHome();
  forgetLeft();
  wantFlush();
}

// ---- Messages ------------------------------------------------------------------------------------------

/** Whether a message of another member mentions the user. */
const isMention = (f) => f.name !== me.name && mentionsUser(f.text);

function itemOf(f) {
  const at = Math.abs(f.at) < 8.64e12 ? f.at : Date.now() / 1000;
  return { kind: f.t, id: f.id, at, name: f.name, text: f.text, own: f.name === me.name, mention: isMention(f) };
}

function message(f) {
  const view = roomOf(f);
  if (!view) return;
  if (view.history) {
    view.history.messages.push(f);
    return;
  }
  const item = itemOf(f);
  if (item.own) answered([KIND_OF[f.t]], f.text);
  // Ids grow, so that what is not above the last one has been shown. A line without one is told to us alone.
  if (f.id && f.id <= view.lastId) return;
  addMessage(view, item);
  if (item.own) return;
  countNew(view, item);
  tellOf(view, item);
}

function addMessage(view, item) {
  if (item.id) view.lastId = item.id;
  addLine(view, item);
}

function addLine(view, item) {
  view.live.append(item);
  if (view !== shown || view.segment !== view.live) view.live.trim(2 * MAX_HIDDEN);
}

/** A message of another member: what the user learns of it besides what is drawn. */
function tellOf(view, item) {
  if (item.mention && view !== shown && view.mentions === 1) announce(T.mentionedIn(item.name, view.name));
  notifyOf(view, item);
}

// ---- Histories -----------------------------------------------------------------------------------------

function beginHistory(f) {
  const isEntry = Boolean(roomOf(f)?.isMember) && !roomOf(f).isComplete;
  const asked = isEntry ? undefined : answered(['history']);
  const view = asked ? room(f.room ?? me.room) : roomOf(f);
  if (!view) return;
  view.history = { isEntry, messages: [], gap: Boolean(f.gap), load: asked?.load ?? { way: asked ? 'asked' : 'unasked', from: asked?.from }, count: f.messages };
  if (isEntry && f.gap) cannotTell(view.name);
}

function endHistory(f) {
  const view = roomOf(f);
  if (!view?.history) return;
  const { history } = view;
  view.history = null;
  if (history.isEntry) endEntry(view, history);
  else endPage(view, history, f);
}

/** The history that comes on entering: what is new in it goes on from what is there. */
function endEntry(view, { messages, gap }) {
  messages.forEach(confirmLost);
  if (view.isForeign) checkRun(view, messages);
  const fresh = messages.filter((f) => f.id > view.lastId);
  const isGap = gap || !(view.overlaps || fresh.length < messages.length || fresh.length === 0);
  if (view.lastId > 0) removeMissing(view, messages);
  if (isGap) markGap(view, gap);
  const isFirst = view.readId === null;
  for (const f of fresh) {
    const item = itemOf(f);
    addMessage(view, item);
    if (!isFirst && !item.own && f.id > view.readId) {
      countNew(view, item);
      if (resumed) tellOf(view, item);
    }
  }
  if (isFirst) Object.assign(view, { readId: view.lastId, isGuessed: true });
  if (isGap && view.unread > 0) view.hasGap = true;
  view.isComplete = true;
  view.live.hasOlder ??= me.stores ? null : false;
  reentering.delete(fold(view.name));
  // What the user has said from now on can be deleted.
  if (me.since === Infinity && isHome(view)) me.since = Math.max(0, ...[...views.values()].map((each) => each.lastId ?? 0));
  if (isHome(view)) endArrival();
  settleDoubts(view.name);
  roomsChanged = true;
  saveSoon();
  wantFlush();
}

/** Tells something in the current room, below its history. */
function tellHome(text) {
  if (home().isComplete) notice(text, home());
  else afterEntry.push({ kind: 'notice', text });
}

/** The current room is up to date. */
function endArrival() {
  afterEntry.splice(0).forEach((item) => show(item, home()));
  resumed = false;
}

/** Messages are missing before those that come. With a store they are had by scrolling up. */
function markGap(view, isSure) {
  if (!me.stores) return view.live.append({ kind: 'rule', text: isSure ? T.gap : T.perhapsGap });
  const wasShown = view.segment === view.live;
  view.live = new Segment();
  if (wasShown) view.segment = view.live;
  view.firstNew = view.scroll = null;
  if (view === shown && wasShown) drawLog();
}

/** Another run of the server counts anew, unless it has a store: then the messages are the same. */
function checkRun(view, messages) {
  view.isForeign = false;
  if (view.lastId === 0) {
    if (!me.stores) view.readId &&= 0;
    return;
  }
  const isSame = (f) => {
    const item = view.live.byId.get(f.id);
    return item !== undefined && item.name === f.name && (item.parts ? item.parts.some(({ text }) => text === f.text) : item.text === f.text);
  };
  if (me.stores && messages.some(isSame)) return;
  view.lastId = 0;
  view.readId = 0;
  view.overlaps = true;
  view.live.forgetIds();
  if (beenIn) view.live.append({ kind: 'rule', text: T.restarted });
}

/** Removes the messages that a history leaves out: they were deleted. The user's own may be hidden from all others. */
function removeMissing(view, messages) {
  const [first, last] = [messages[0]?.id, messages.at(-1)?.id];
  const ids = new Set(messages.map((f) => f.id));
  const gone = [...view.live.byId].filter(([id, item]) => id > first && id < last && !ids.has(id) && !item.own).map(([id]) => id);
  if (gone.length > 0) removeMessages(gone, [view]);
}

function removeMessages(ids, from = [...views.values()].filter((view) => view.isRoom)) {
  for (const view of from) {
    for (const id of ids) for (const segment of new Set([view.live, view.segment])) segment.remove(id);
    recount(view);
  }
}

// ---- What the server does not say by itself ------------------------------------------------------------

/** The names of all in the rooms, and the rooms. */
function askAround() {
  if (phase !== 'here') return;
  const isPartial = (view) => view.isSummed || view.people.size + 1 < view.here;
  if (shown.isRoom && shown.isMember && isPartial(shown)) ask(`/who ${shown.name}`);
  ask('/rooms');
}
const ask = (line) => transmit(line, { silent: true });
