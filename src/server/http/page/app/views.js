// The views: rooms and conversations, what the page keeps of each, and which of them is on the screen.

const MAX_ITEMS = 20_000; // lines of the view on the screen
const MAX_HIDDEN = 2000; // lines of any other view
const MAX_LEFT = 8; // rooms that the user has left and that are kept for coming back
const MAX_TALKS = 50; // conversations
const MAX_TALK = 100; // lines of a conversation that outlive a reload

class View {
  constructor(kind, name) {
    this.kind = kind; // room | talk
    this.name = name;
    this.key = viewKey(kind, name);
    this.live = new Segment(); // goes on with what is said now
    this.segment = this.live; // what is drawn: the live one, or one around a message of before
    this.scroll = null; // null: at the end | { item, offset }
    this.unread = 0; // messages of others that the user has not seen
    this.mentions = 0; // those among them that mention the user
    this.hasGap = false; // more are unread than could be counted
    this.firstNew = null; // the line above which "New" stands
    this.sent = []; // what was sent here, for the arrow keys
    this.draft = '';
    this.pasted = '';
  }

  get isRoom() { return this.kind === 'room'; }
}

class Room extends View {
  constructor(name) {
    super('room', name);
    this.isMember = false;
    this.isConfirmed = false; // the server has said on this connection that the user is a member
    this.isComplete = true; // its history of this connection has come to its end
    this.lastId = 0; // of the messages that the server sent; ids only grow
    this.readId = null; // of the last message that the user has seen; `null`: not known yet
    this.isGuessed = false; // it is the newest message of the time when the user entered
    this.reportedId = 0; // what the server knows of it
    this.isForeign = false; // its ids may be of another run of the server
    this.history = null; // the history that comes: { isEntry, messages, gap, load }
    this.overlaps = true; // the history that comes is known to go on from `lastId`
    this.here = 0;
    this.topic = '';
    this.people = new Map(); // folded name -> name
    this.away = new Map(); // folded name -> text
    this.isSummed = false; // joins were summed up: it is not known who is here
    this.settings = {}; // by name: a number, `true`, or the key; `null` or missing if it is off
    this.roles = new Map(); // folded name -> 'op' | 'voice'
    this.muted = new Set(); // folded names, as far as it was seen
  }
}

class Talk extends View {
  constructor(name) { super('talk', name); }
}

const viewKey = (kind, name) => (kind === 'room' ? '#' : '@') + fold(name);
const views = new Map(); // key -> View; the one used last stands last
let shown = new Room('lobby');
views.set(shown.key, shown);

const findRoom = (name) => views.get(viewKey('room', name));
const findTalk = (name) => views.get(viewKey('talk', name));
/** The room of an event. A server with one room does not name it. */
const roomOf = (f) => findRoom(f.room ?? me.room);
const home = () => findRoom(me.room);

function room(name) {
  const view = findRoom(name) ?? new Room(name);
  views.set(view.key, view);
  return view;
}

function talk(name) {
  const view = findTalk(name) ?? new Talk(name);
  views.set(view.key, view);
  // The server knows better how the name is written.
  view.name = name;
  const others = [...views.values()].filter((each) => !each.isRoom && each !== shown && each !== view && !each.draft && each.unread === 0);
  for (const each of others.slice(0, Math.max(0, others.length - MAX_TALKS))) views.delete(each.key);
  roomsChanged = true;
  wantFlush();
  return view;
}

/** Rooms can be followed, except where names are addresses. */
const canFollow = () => me.rev >= 2 && !me.name.includes(':');
const memberRooms = () => [...views.values()].filter((view) => view.isRoom && view.isMember);
const isMember = (name) => Boolean(findRoom(name)?.isMember);
const isHome = (view) => view.isRoom && sameRoom(view.name, me.room);
const isLobby = (view = shown) => view.isRoom && sameRoom(view.name, 'lobby');
/** The rooms that the user is a member of beside the current one. */
const followedRooms = () => memberRooms().filter((view) => !isHome(view));

/** The newest message up to which nothing is missing in any room; 0 if that is not known. */
function newestSeen() {
  const all = memberRooms();
  const newest = Math.max(0, ...all.map((view) => view.lastId));
  const isOpen = (view) => !view.isComplete || !view.isConfirmed;
  return Math.min(newest, ...all.filter(isOpen).map((view) => Math.max(view.lastId, askedAfter)));
}

// ---- The view on the screen ----------------------------------------------------------------------------

/** Shows a view. `carries`: what has been typed since the command that leads here goes along. */
function showView(view, { carries = false } = {}) {
  if (view === shown) return;
  keepDraft();
  if (carries && !view.draft) [shown.draft, view.draft] = ['', shown.draft];
  keepScroll();
  const left = shown;
  shown = view;
  views.delete(view.key);
  views.set(view.key, view);
  left.segment = left.live;
  left.live.trim(MAX_HIDDEN);
  forgetLeft();
  setAddress(view);
  drawView();
  takeDraft();
  saveSoon();
}

/** Rooms that the user is not in are kept for a while. */
function forgetLeft() {
  const left = [...views.values()].filter((view) => view.isRoom && !view.isMember && view !== shown);
  for (const view of left.slice(0, Math.max(0, left.length - MAX_LEFT))) views.delete(view.key);
}

/** Draws everything that depends on the view. */
function drawView() {
  // It is not news to a screen reader.
  quieten();
  closeMenus();
  drawLog();
  drawSurroundings();
}

/** Draws what stands around the messages of the view. */
function drawSurroundings() {
  drawHeading();
  drawSearch();
  drawJoinBar();
  shownSettings = {};
  rulesChanged();
  roomsChanged = true;
  retitle();
}

function drawHeading() {
  $.roomName.textContent = shown.name;
  $.roomName.classList.toggle('person', !shown.isRoom);
  const topic = shown.isRoom ? shown.topic : '';
  $.topic.hidden = !topic;
  $.topic.textContent = $.topic.title = topic;
  $.text.placeholder = shown.isRoom ? T.say(shown.name) : T.whisperTo(shown.name);
  $.members.setAttribute('aria-label', shown.isRoom ? T.people : shown.name);
}

/** The room where the user is, when the one on the screen is no longer there. */
function showHome() {
  showView(room(me.room));
}

// ---- What is unread ------------------------------------------------------------------------------------

/** Whether the user sees what comes to a view. */
const isWatched = (view) => view === shown && focused && stick && view.segment === view.live;

/** Counts a message of another member that has just come, or was missed. */
function countNew(view, item) {
  if (isWatched(view)) return;
  if (view.unread === 0) setFirstNew(view, item);
  view.unread += 1;
  if (item.mention) view.mentions += 1;
  roomsChanged = titleChanged = true;
  wantFlush();
}

function setFirstNew(view, item) {
  const before = view.firstNew;
  view.firstNew = item;
  for (const each of [before, item]) if (each) redrawLine(view.segment, each);
}

/** The user has seen all of the view that is on the screen. */
function markRead(view = shown) {
  if (!isWatched(view)) return;
  if (view.isRoom && view.isComplete && view.lastId > (view.readId ?? 0)) {
    view.readId = view.lastId;
    view.isGuessed = false;
    reportRead(view);
  }
  if (view.unread === 0 && !view.hasGap) return;
  Object.assign(view, { unread: 0, mentions: 0, hasGap: false });
  roomsChanged = titleChanged = true;
  saveSoon();
  wantFlush();
}

/** Counts anew after the read position has changed, or messages are gone. */
function recount(view) {
  if (!view.isRoom) return;
  if (isWatched(view)) return markRead(view);
  const unread = view.live.items.filter((item) => item.id && idsOf(item).at(-1) > (view.readId ?? Infinity) && !item.own);
  view.unread = unread.reduce((sum, item) => sum + idsOf(item).filter((id) => id > view.readId).length, 0);
  view.mentions = unread.filter((item) => item.mention).length;
  if (view.unread === 0) view.hasGap = false;
  if (view.unread > 0 && view.firstNew !== unread[0]) setFirstNew(view, unread[0]);
  roomsChanged = titleChanged = true;
  wantFlush();
}

/** Tells the server, for the other devices of the account, how far the user has read; at most every two seconds. */
let reportTimer = 0;
function reportRead(view) {
  if (!me.account || !canFollow() || view.readId <= view.reportedId) return;
  reportTimer ||= setTimeout(reportAll, 2000);
}

function reportAll() {
  clearTimeout(reportTimer);
  reportTimer = 0;
  if (phase !== 'here' || !me.account) return;
  for (const view of memberRooms()) {
    if (!(view.readId > view.reportedId)) continue;
    view.reportedId = view.readId;
    ask(`/read #${view.name} ${view.readId}`);
  }
}

// ---- What outlives a reload ----------------------------------------------------------------------------

const canSave = (item) => ['whisper', 'whispered'].includes(item.kind);
const ofItem = ({ kind, at, name, text, own, parts }) => ({ kind, at, name, text: parts ? parts.map((part) => part.text).join('\n') : text, own });

function saveViews() {
  clearTimeout(saveTimer);
  saveTimer = 0;
  if (phase === 'out') return;
  keepDraft();
  // With little room in the storage, conversations have fewer lines.
  for (const most of [MAX_TALK, 10, 0]) if (remember('sessionStorage', 'views', savedText(most))) return;
}

function savedText(most) {
  const kept = [...views.values()].filter((view) => !view.isRoom || view.isMember || view.draft).map((view) => ({
    kind: view.kind, name: view.name, draft: view.draft, pasted: view.pasted, ...(view.isRoom
      ? { isMember: view.isMember, readId: view.readId }
      : { unread: view.unread, items: most > 0 ? view.live.items.filter(canSave).slice(-most).map(ofItem) : [] }),
  }));
  return JSON.stringify({ home: me.room, shown: shown.key, run: me.run, views: kept });
}

let saveTimer = 0;
function saveSoon() {
  saveTimer ||= setTimeout(saveViews, 500);
}

/** What another program has written into the storage is dropped. */
function recallViews() {
  const saved = recall('sessionStorage', 'views');
  if (!saved) return;
  try {
    restoreViews(JSON.parse(saved));
  } catch {
    views.clear();
    shown = room('lobby');
    drawView();
  }
}

function restoreViews(saved) {
  for (const each of saved.views) {
    const view = each.kind === 'room' ? room(each.name) : talk(each.name);
    const { draft, pasted: paste, unread = 0 } = each;
    Object.assign(view, { draft, pasted: paste, unread });
    if (view.isRoom) Object.assign(view, { isMember: each.isMember, readId: each.readId });
    else {
      for (const item of each.items) for (const text of item.text.split('\n')) view.live.append({ ...item, text });
      if (unread > 0) view.firstNew = view.live.items.filter((item) => !item.own).at(-unread);
    }
  }
  takeDraft();
  me.run = saved.run;
  me.room = saved.home ?? me.room;
  // The address may name another view than that of before the reload.
  const name = viewOfAddress();
  const named = name && views.get(name.startsWith('@') ? viewKey('talk', name.slice(1)) : viewKey('room', name));
  if (name && !named && !name.startsWith('@')) wantedView = name;
  showView(named || (views.get(saved.shown) ?? room(me.room)));
}
let wantedView = ''; // a room that is to be shown when the user has entered

/** Nothing is left for the next person at this screen. */
function forgetAll() {
  views.clear();
  shown = room('lobby');
  unsaid = [];
  doubtful = [];
  for (const kept of [keys, ignored, passwords]) kept.clear();
  motd = search = null;
  lastWhisperer = wantedView = owner = '';
  $.results.replaceChildren();
  for (const node of [$.searchWords, $.searchDate, $.text, $.joinRoom]) node.value = '';
  $.searchState.textContent = '';
  forgetStored('localStorage', 'level.');
  remember('sessionStorage', 'views', '');
  drawUnsaid();
  drawView();
  takeDraft();
}

/** Another person than before does not see what was kept for the one before. */
let owner = '';
function welcomeOwner(name) {
  if (owner && fold(owner) !== fold(name)) forgetAll();
  owner = name;
}
