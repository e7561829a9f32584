// Pages of the history that the page asks for: older and newer messages, the context of one, a day, a room that is only looked at.

const PAGE = 100; // messages that are asked for at once

function loadOlder(segment) {
  if (segment.isLoading || segment.hasOlder === false || phase !== 'here' || !shown.isRoom || !shown.isComplete) return;
  if (!me.stores) {
    segment.hasOlder = false;
    return;
  }
  const first = segment.firstId;
  // The history on entering has shown that nothing was said there yet.
  if (!first) return;
  load(shown, segment, 'older', `before ${first} ${PAGE}`);
}

function loadNewer(segment) {
  if (!segment.isLoading && phase === 'here') load(shown, segment, 'newer', `after ${segment.lastId} ${PAGE}`);
}

function load(view, segment, way, words, id) {
  if (phase !== 'here') return announce(T.lost);
  segment.isLoading = true;
  if (view === shown) drawTop();
  transmit(`/history #${view.name} ${words}`, { silent: true, load: { way, segment, id, view } });
}

/** The server refused a page. */
function failedLoad({ way, segment, view }, text) {
  segment.isLoading = false;
  // It is not asked for again and again.
  if (way === 'older') segment.hasOlder = false;
  if (way === 'preview') view.refusal = text;
  else if (way !== 'older') show({ kind: 'refused', text });
  if (view === shown) {
    drawTop();
    drawJoinBar();
  }
}

/** A page that was asked for has come. */
function endPage(view, { messages, gap, load: { way, segment, id, from }, count }, { older = null, newer = null }) {
  const items = messages.map(itemOf);
  if (gap && (way === 'older' || way === 'newer')) items.unshift({ kind: 'rule', text: T.perhapsGap });
  if (segment) segment.isLoading = false;
  if (way === 'older') {
    segment.prepend(items);
    segment.hasOlder = older !== null;
  } else if (way === 'newer') {
    items.forEach((item) => segment.append(item));
    segment.hasNewer = newer !== null;
    if (!segment.hasNewer || items.some((item) => view.live.byId.has(item.id))) joinLive(view, segment);
  } else if (way === 'preview') {
    if (segment !== view.live || view.isMember) return;
    items.forEach((item) => addMessage(view, item));
    view.live.hasOlder = older !== null;
    drawJoinBar();
  } else if (way === 'unasked') items.filter((item) => item.id > view.lastId).forEach((item) => addMessage(view, item));
  else showPage(view, items, { way, id, older, newer, count, from });
  if (view === shown) drawTop();
  wantFlush();
}

/** Shows messages that may be far from those that are there. */
function showPage(view, items, { way, id, older, newer, count, from }) {
  // The user may have gone elsewhere meanwhile.
  if (view !== shown && (way !== 'asked' || from !== shown)) return;
  showView(view);
  const known = items.filter((item) => view.live.byId.has(item.id));
  const isJoined = known.length > 0 || newer === null;
  if (items.length === 0) {
    if (way === 'on') $.searchState.textContent = T.nothingSince;
    return notice(way === 'on' ? T.nothingSince : T.replayed(0));
  }
  if (isJoined && known.length < items.length) addOlder(view, items, older);
  else if (!isJoined) {
    const page = new Segment();
    items.forEach((item) => page.append(item));
    Object.assign(page, { hasOlder: older !== null, hasNewer: true });
    view.segment = page;
    view.scroll = null;
    drawLog();
  }
  if (isJoined && view.segment !== view.live) {
    view.segment = view.live;
    drawLog();
  }
  const target = view.segment.byId.get(id ?? items[0].id);
  if (target) reveal(target);
  if (way === 'asked') announce(T.replayed(count));
}

/** The messages of a page that reaches the live ones: those that are not there yet. */
function addOlder(view, items, older) {
  const first = view.live.firstId || Infinity;
  const before = items.filter((item) => item.id < first);
  view.live.prepend(before);
  if (before.length > 0) view.live.hasOlder = older !== null;
}

/** A page that was read on until it reaches the live messages goes on as the live one. */
function joinLive(view, segment) {
  const at = view === shown && !stick ? topItem() : null;
  addOlder(view, segment.items.filter((item) => item.id).flatMap(rawItems), segment.hasOlder ? 0 : null);
  const item = at && view.live.byId.get(at.item.id);
  view.segment = view.live;
  view.scroll = item ? { item, offset: at.offset } : null;
  if (view === shown) drawLog();
}

/** Goes to a message: one that is there, or with its context from the server. */
function jumpTo(view, id) {
  if (view !== shown) showView(view);
  const there = [view.segment, view.live].find((segment) => segment.byId.has(id));
  if (!there) return load(view, view.segment, 'around', `around ${id} ${PAGE}`, id);
  if (view.segment !== there) {
    view.segment = there;
    drawLog();
  }
  reveal(there.byId.get(id));
}

function jumpToDate(view, date) {
  load(view, view.segment, 'on', `on ${date} ${PAGE}`);
}

/** Looks at a room without entering it. */
function preview(name) {
  const view = room(name);
  const [, here = 0, topic = ''] = rooms.find(([each]) => sameRoom(each, name)) ?? [];
  Object.assign(view, { here, topic: topic ?? '' });
  view.people.clear();
  view.refusal = '';
  showView(view);
  if (phase !== 'here' || view.isMember || view.live.isLoading) return;
  view.live = view.segment = new Segment();
  view.lastId = 0;
  drawLog();
  load(view, view.live, 'preview', String(PAGE));
  ask(`/who ${name}`);
}
