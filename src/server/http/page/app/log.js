// The log: which lines of the segment are in the document, and how the log scrolls.
//
// At most MAX_NODES lines are in the document, whatever the number of messages: scrolling adds lines at one end, and takes them away
// at the other.

const MAX_NODES = 300;
const STEP = 100; // lines that are added at once
const NEAR = 600; // pixels from an end of the document at which more lines are added

let from = 0; // the lines of shown.segment that are in the document: from this one
let to = 0; // to the one before this one
let drawn = null; // the segment of those lines
let found = null; // the line to which the log was moved

// ---- Drawing once a frame ------------------------------------------------------------------------------

let cancelFlush = null; // while one is due
let flushTook = 0; // milliseconds

/** The page is drawn once a frame, however much comes; where there are no frames, four times a second. */
function wantFlush() {
  if (cancelFlush) return;
  // In a flood showing takes half of the time at most, so that one can still write.
  const wait = document.hidden ? 250 : flushTook > 30 ? flushTook : 0;
  const [start, cancel] = wait ? [setTimeout, clearTimeout] : [requestAnimationFrame, cancelAnimationFrame];
  const due = start(flush, wait);
  // Frames and timers have the same numbers: to cancel one as the other would end any timer of the page.
  cancelFlush = () => cancel(due);
}

function flush() {
  cancelFlush?.();
  cancelFlush = null;
  const began = performance.now();
  trimShown();
  for (const item of changed) redrawLine(shown.segment, item);
  changed.clear();
  drawAppended();
  if (peopleChanged) drawPeople();
  if (roomsChanged) drawRooms();
  if (settingsChanged) drawSettings();
  if (titleChanged) retitle();
  if (stick) toEnd();
  drawNewest();
  fillLog();
  flushTook = performance.now() - began;
}

/** Removes lines where there are too many. Where the user reads further up, more are kept. */
function trimShown() {
  const { segment } = shown;
  const most = stick ? MAX_ITEMS : 2 * MAX_ITEMS;
  if (segment.items.length <= most) return;
  if (!stick && from < segment.items.length - to && me.stores) return cutNewest();
  // Some at once, since each time costs.
  const gone = segment.trim(most - MAX_ITEMS / 10);
  [from, to] = [from - gone, to - gone];
  if (from < 0) drawLog();
}

/** A user who reads far up does not need the newest lines: the live segment begins anew with the last of them. */
function cutNewest() {
  const { segment } = shown;
  if (segment === shown.live) {
    shown.live = new Segment();
    shown.live.hasOlder = true;
    segment.items.slice(-MAX_HIDDEN).flatMap(rawItems).forEach((item) => shown.live.append(item));
  }
  segment.trimNewer(Math.max(MAX_ITEMS, to));
}

/** Draws the lines that were added at the end. */
function drawAppended() {
  const { items } = shown.segment;
  const added = items.length - to;
  if (added <= 0 || (!stick && to - from >= MAX_NODES)) return;
  const news = items.slice(to).filter((item) => SPEECH.has(item.kind) && !item.own).length;
  if (tooMany(added)) quieten(news);
  if (stick && added > STEP) {
    removeNodes(from, to);
    from = to = items.length - STEP;
  }
  addNodes(Math.min(items.length, stick ? items.length : from + MAX_NODES));
  if (stick && to - from > MAX_NODES) cutAbove(to - from - MAX_NODES + STEP);
}

/** Adds lines to the document until before this one. */
function addNodes(end) {
  const { items } = shown.segment;
  const fragment = new DocumentFragment();
  for (; to < end; to += 1) fragment.append(...lineNodes(items[to], items[to - 1]));
  $.lines.append(fragment);
}

function removeNodes(begin, end) {
  const { items } = shown.segment;
  for (const item of items.slice(begin, end)) dropNodes(item);
}

function dropNodes(item) {
  if (!item.nodes) return;
  if (item.nodes.some((node) => node.contains(document.activeElement))) $.log.focus();
  for (const node of item.nodes) node.remove();
  item.nodes = item.node = null;
}

/** Takes away lines at the top; what is in sight stays where it is. */
function cutAbove(count) {
  holding(() => {
    removeNodes(from, from + count);
    from += count;
  });
}

/** Changes what is above, and keeps what is in sight where it is. */
function holding(change) {
  const before = $.log.scrollHeight - $.log.scrollTop;
  change();
  if (!stick) $.log.scrollTop = $.log.scrollHeight - before;
}

/** Draws the view from the beginning: its end, or the place where the user was. */
function drawLog() {
  const { segment, scroll } = shown;
  const { items } = segment;
  $.lines.replaceChildren();
  for (const item of drawn?.items ?? []) item.nodes = item.node = null;
  drawn = segment;
  const at = scroll ? items.indexOf(scroll.item) : -1;
  stick = at < 0;
  from = stick ? Math.max(0, items.length - STEP) : Math.max(0, at - STEP / 2);
  // The first message that the user has not seen is in the document.
  const first = stick && shown.firstNew && shown.unread > 0 ? items.indexOf(shown.firstNew) : -1;
  if (first >= 0) from = Math.max(0, Math.min(from, Math.max(first - 10, items.length - MAX_NODES)));
  to = from;
  addNodes(stick ? items.length : Math.min(items.length, from + MAX_NODES));
  if (!stick) {
    scroll.item.node.scrollIntoView({ block: 'start' });
    $.log.scrollTop += scroll.offset;
  } else if (!revealNew()) toEnd();
  drawTop();
  wantFlush();
}

/** Where more is unread than there is place for, the log begins with it: `true` if so. */
function revealNew() {
  const rule = shown.unread > 0 && $.lines.querySelector('.rule.new');
  if (!rule || rule.offsetTop - $.lines.offsetTop >= $.lines.clientHeight - $.log.clientHeight) return false;
  stick = false;
  rule.scrollIntoView({ block: 'start' });
  return true;
}

const changed = new Set(); // lines that are drawn anew in the next frame

/** A line has changed, perhaps not for the last time in this frame. */
function lineChanged(segment, item) {
  if (segment !== shown.segment || !item.nodes) return;
  changed.add(item);
  wantFlush();
}

/** Draws a line anew. */
function redrawLine(segment, item) {
  if (segment !== shown.segment || !item.nodes) return;
  const old = item.nodes;
  const { items } = segment;
  const index = items.lastIndexOf(item);
  old[0].before(...lineNodes(item, items[index - 1]));
  if (old.some((node) => node.contains(document.activeElement))) $.log.focus();
  for (const node of old) node.remove();
  wantFlush();
}

/** A line was removed from a segment, where it had this index. */
function lineRemoved(segment, item, index) {
  if (segment !== shown.segment) return;
  if (index < from) [from, to] = [from - 1, to - 1];
  else if (index < to) {
    to -= 1;
    dropNodes(item);
    // The next line takes over the name and the time.
    const next = segment.items[index];
    if (next) redrawLine(segment, next);
  }
  wantFlush();
}

/** Lines were added at the beginning of a segment that is on the screen. */
function linesPrepended(count, rejoins, at) {
  const { items } = shown.segment;
  [from, to] = [from + count, to + count];
  if (rejoins) {
    const item = at && shown.segment.byId.get(at.item.id);
    shown.scroll = item ? { item, offset: at.offset } : null;
    return drawLog();
  }
  if (items[from]) holding(() => redrawLine(shown.segment, items[from]));
  if ($.log.scrollTop < NEAR) extendUp();
}

function extendUp() {
  const count = Math.min(STEP, from);
  if (count === 0) return;
  quieten();
  const { items } = shown.segment;
  holding(() => {
    const fragment = new DocumentFragment();
    for (let index = from - count; index < from; index += 1) fragment.append(...lineNodes(items[index], items[index - 1]));
    $.lines.prepend(fragment);
    from -= count;
  });
  const excess = to - from - MAX_NODES;
  if (excess > 0 && !stick) {
    removeNodes(to - excess, to);
    to -= excess;
  }
}

function extendDown() {
  const { items } = shown.segment;
  const count = Math.min(STEP, items.length - to);
  if (count <= 0) return;
  quieten();
  addNodes(to + count);
  const excess = to - from - MAX_NODES;
  if (excess > 0) cutAbove(excess);
}

/** Adds lines where the user comes near to an end of those in the document, or asks the server for more. */
function fillLog() {
  const { segment } = shown;
  if ($.log.scrollTop < NEAR) {
    if (from > 0 && !stick) extendUp();
    else if (from === 0) loadOlder(segment);
  }
  if (stick || $.log.scrollHeight - $.log.scrollTop - $.log.clientHeight > NEAR) return;
  if (to < segment.items.length) extendDown();
  else if (segment.hasNewer) loadNewer(segment);
}

/** Above the first line: whether there is more. */
function drawTop() {
  const { segment } = shown;
  const isStart = segment.hasOlder === false && me.stores && shown.isRoom && segment.items.length > 0;
  const text = segment.isLoading ? T.loading : isStart ? T.beginning(shown.name) : '';
  if ($.top.textContent === text) return;
  holding(() => {
    $.top.textContent = text;
    $.top.hidden = !text;
  });
}

// ---- Scrolling -----------------------------------------------------------------------------------------

let stick = true; // the newest line is in sight and stays so

function toEnd() {
  stick = true;
  $.log.scrollTop = $.log.scrollHeight;
  markRead();
}

/** Goes to the newest line, from wherever the user is. */
function goToEnd() {
  shown.scroll = null;
  if (shown.segment !== shown.live || to < shown.live.items.length) {
    shown.segment = shown.live;
    drawLog();
  }
  toEnd();
  drawNewest();
}

function drawNewest() {
  const wasFocused = document.activeElement === $.newest;
  const isEnd = stick && shown.segment === shown.live;
  $.newest.hidden = isEnd;
  $.newest.textContent = shown.unread ? T.newLines(shown.unread) : T.newest;
  if (isEnd && wasFocused) focusFirst();
}

/** The first line in sight. */
function topItem() {
  const { top } = $.log.getBoundingClientRect();
  const item = shown.segment.items.slice(from, to).find(({ node }) => node?.getBoundingClientRect().bottom > top);
  return item ? { item, offset: top - item.node.getBoundingClientRect().top } : null;
}

/** Keeps where the user is, for coming back. */
function keepScroll() {
  shown.scroll = stick || shown.segment !== shown.live ? null : topItem();
}

/** Moves the log to a line, and marks it. */
function reveal(item) {
  const before = found;
  found = item;
  if (before) redrawLine(shown.segment, before);
  if (!item.nodes) {
    shown.scroll = { item, offset: 0 };
    drawLog();
  } else redrawLine(shown.segment, item);
  stick = false;
  quieten();
  item.node.scrollIntoView({ block: 'center' });
  stick = isAtEnd();
  drawNewest();
}

let shape = '';

/** Whether the log has another size than before: what scrolls it then is not its reader. */
function reshaped() {
  const before = shape;
  shape = `${$.log.clientWidth} ${$.log.clientHeight}`;
  return shape !== before;
}

const isAtEdge = () => $.log.scrollHeight - $.log.scrollTop - $.log.clientHeight < 48;
const isAtEnd = () => isAtEdge() && shown.segment === shown.live && to === shown.live.items.length;

$.log.addEventListener('scroll', () => {
  if (reshaped()) return stick && toEnd();
  // What has come since the last frame is not in the document yet.
  stick = stick ? isAtEdge() : isAtEnd();
  if (stick) markRead();
  fillLog();
  drawNewest();
}, { passive: true });
// Formatted on demand: it is expensive, and most are never looked at.
$.log.addEventListener('pointerover', ({ target }) => { if (target.dateTime) target.title = fullFormat.format(new Date(target.dateTime)); });
$.newest.addEventListener('click', goToEnd);
// The keyboard of a phone makes the room smaller; what was in sight stays in sight.
new ResizeObserver(() => {
  reshaped();
  if (stick) toEnd();
}).observe($.log);
