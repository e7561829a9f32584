// The log: how lines are added to it, and how it scrolls.

// ---- Lines that wait for the next frame ----------------------------------------------------------------

let queue = [];
let cancelFlush = null; // while one is due
let flushTook = 0; // milliseconds

/** Lines are shown once a frame, however many come; where there are no frames, four times a second. */
function show(item) {
  queue.push(item);
  if (queue.length > 2 * MAX_LINES) queue = queue.slice(-MAX_LINES);
  wantFlush();
}

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
  if (queue.length > 0) {
    const items = queue.slice(-MAX_LINES);
    queue = [];
    if (tooMany(items.length) || replay) quieten(items.filter((item) => item.news).length);
    const fragment = new DocumentFragment();
    for (const item of items) if (!item.place) append(fragment, item);
    view.list.append(fragment);
    for (const item of items) if (item.place) insert(item);
    trim();
  }
  if (peopleChanged) drawPeople();
  if (roomsChanged) drawRooms();
  if (settingsChanged) drawSettings();
  if (titleChanged) retitle();
  if (stick) toEnd();
  drawNewest();
  flushTook = performance.now() - began;
}

function append(fragment, item) {
  if (item.kind === 'presence' && extendPresence(item)) return;
  if (item.at) dayLine(fragment, item.at);
  if (item.first) fragment.append(newRule());
  const node = lineNode(item, followsOn(item));
  view.presence = item.kind === 'presence' ? { node, count: 1 } : null;
  if (item.id) view.byId.set(item.id, node);
  fragment.append(node);
}

/** Puts a message that was said before in its place. */
function insert(item) {
  const node = lineNode(item, false);
  const next = [...view.list.children].find((other) => Number(other.dataset.id) > item.id);
  view.list.insertBefore(node, next ?? null);
  next?.classList.remove('more', 'same');
  view.byId.set(item.id, node);
}

function trim() {
  const most = stick ? MAX_LINES : 2 * MAX_LINES;
  let excess = view.list.childElementCount - most;
  if (excess <= 0) return;
  for (; excess > 0; excess -= 1) {
    const node = view.list.firstElementChild;
    view.byId.delete(Number(node.dataset.id));
    node.remove();
  }
  view.list.firstElementChild?.classList.remove('more', 'same');
}

/** Whether a message goes on from the one before, by the same person and not much later. */
function followsOn(item) {
  const spoken = ['said', 'whisper', 'whispered'].includes(item.kind);
  const key = `${item.kind} ${item.name}`;
  const more = spoken && view.tail?.key === key && item.at - view.tail.at < 300 && !item.first;
  view.tail = spoken ? { key, at: item.at } : null;
  return more;
}

function ruleNode(text, extra = '') {
  view.forget();
  return el('li', `rule ${extra}`, text);
}

function dayLine(fragment, at) {
  const day = new Date(at * 1000).toDateString();
  if (view.day === day) return;
  view.day = day;
  fragment.append(ruleNode(dayFormat.format(at * 1000)));
}

function newRule() {
  view.list.querySelector('.rule.new')?.remove();
  return ruleNode(T.newHere, 'new');
}

/** Comings and goings take one line together: they are not what one comes for. */
function extendPresence(item) {
  const last = view.presence;
  if (!last || last.count >= 12) return false;
  last.count += 1;
  last.node.querySelector('.text').append(` · ${item.text}`);
  return true;
}

function lineNode(item, more) {
  if (item.kind === 'rule') return ruleNode(item.text);
  const at = item.at ?? Date.now() / 1000;
  const node = el('li', `line ${item.kind === 'whispered' ? 'whisper' : item.kind}`);
  if (item.id) node.dataset.id = item.id;
  if (item.quotes) node.dataset.quotes = item.quotes;
  if (item.own) node.classList.add('own');
  if (item.mention) node.classList.add('mention');
  if (more) node.classList.add('more');
  fillLine(node, item);
  node.append(' ', timeNode(node, at));
  return node;
}

function timeNode(node, at) {
  const time = el('time', '', clock(at));
  time.dateTime = new Date(at * 1000).toISOString();
  const minute = Math.floor(at / 60);
  // The first of a group tells its time, and whatever comes in another minute.
  const led = ['said', 'action', 'whisper'].some((kind) => node.classList.contains(kind)) && !node.classList.contains('more');
  if (view.minute === minute && !led) node.classList.add('same');
  view.minute = minute;
  return time;
}

const FILL = {
  said: (node, item) => node.append(nameNode(item.name), ' ', textNode(item.text, item.mention && mentionPattern())),
  action: (node, item) => node.append(nameNode(item.name), ' ', textNode(item.text, item.mention && mentionPattern())),
  whisper: (node, item) => node.append(el('span', 'label', ...T.from(nameNode(item.name))), ' ', textNode(item.text)),
  whispered: (node, item) => node.append(el('span', 'label', ...T.to(nameNode(item.name))), ' ', textNode(item.text)),
  invite(node, { room, text }) {
    const button = el('button', 'plain', T.join);
    button.dataset.join = room;
    button.setAttribute('aria-label', `${T.join}: ${room}`);
    node.append(el('span', 'text', text), ' ', button);
    node.classList.add('notice');
  },
  help(node) {
    const all = [...T.commands, ...(canFollow() ? T.commands2 : [])];
    const pairs = all.flatMap(([typed, does]) => [el('dt', '', typed), el('dd', '', does)]);
    node.append(T.helpTitle, el('dl', '', ...pairs));
    node.classList.add('notice');
  },
};

function fillLine(node, item) {
  const fill = FILL[item.kind];
  if (fill) return fill(node, item);
  const text = el('span', 'text', item.text);
  text.dir = 'auto';
  node.append(text);
}

const notice = (text) => show({ kind: 'notice', text });
const presence = (text) => show({ kind: 'presence', text });
/** A join or leave, which the user may have hidden. */
const coming = (text) => { if (!me.quiet) presence(text); };

// ---- Scrolling -----------------------------------------------------------------------------------------

let stick = true; // the newest line is in sight and stays so
const missed = new Set(); // messages that came below what is in sight, as in `unread`

function toEnd() {
  stick = true;
  missed.clear();
  $.log.scrollTop = $.log.scrollHeight;
}

function drawNewest() {
  const wasFocused = document.activeElement === $.newest;
  $.newest.hidden = stick;
  $.newest.textContent = missed.size ? T.newLines(missed.size) : T.newest;
  if (stick && wasFocused) $.text.focus();
}

let shape = '';

/** Whether the log has another size than before: what scrolls it then is not its reader. */
function reshaped() {
  const before = shape;
  shape = `${$.log.clientWidth} ${$.log.clientHeight}`;
  return shape !== before;
}

$.log.addEventListener('scroll', () => {
  if (reshaped()) return stick && toEnd();
  stick = $.log.scrollHeight - $.log.scrollTop - $.log.clientHeight < 48;
  if (stick) missed.clear();
  drawNewest();
}, { passive: true });
// Formatted on demand: it is expensive, and most are never looked at.
$.log.addEventListener('pointerover', ({ target }) => { if (target.dateTime) target.title = fullFormat.format(new Date(target.dateTime)); });
$.newest.addEventListener('click', () => { toEnd(); trim(); drawNewest(); });
// The keyboard of a phone makes the room smaller; what was in sight stays in sight.
new ResizeObserver(() => {
  reshaped();
  if (stick) toEnd();
}).observe($.log);
