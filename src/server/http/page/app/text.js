// Names, times and the text of messages as nodes of the document.

function nameNode(name, hue = hueOf(name)) {
  const node = el('bdi', 'name', name);
  node.dataset.who = name;
  node.style.setProperty('--hue', hue);
  return node;
}

const clockFormat = new Intl.DateTimeFormat(LOCALE, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
const dayFormat = new Intl.DateTimeFormat(LOCALE, { weekday: 'long', year: 'numeric', month: 'long', day: 'numeric' });
const fullFormat = new Intl.DateTimeFormat(LOCALE, { dateStyle: 'medium', timeStyle: 'medium', hourCycle: 'h23' });
let lastClock = { minute: NaN, text: '' };

/** Most lines share their minute with the one before: formatting is dear. */
function clock(at) {
  const minute = Math.floor(at / 60);
  if (lastClock.minute !== minute) lastClock = { minute, text: clockFormat.format(at * 1000) };
  return lastClock.text;
}

function linkNode({ text, href }) {
  const node = el('a', '', text);
  node.href = href;
  node.target = '_blank';
  node.rel = 'noopener noreferrer nofollow';
  return node;
}

/** Finds one's own name as a word; scripts that are written without spaces have no words to look at. */
let mention = { name: '', pattern: null };
function mentionPattern() {
  if (mention.name === me.name) return mention.pattern;
  const quoted = me.name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const spaced = !new RegExp(`[${UNSPACED}]`, 'u').test(me.name);
  const source = spaced ? `(?<![\\p{L}\\p{N}_])(?<![\\p{L}\\p{N}][-.])${quoted}(?![\\p{L}\\p{N}\\p{M}_]|[-.][\\p{L}\\p{N}])` : quoted;
  mention = { name: me.name, pattern: me.name ? new RegExp(source, 'giu') : null };
  return mention.pattern;
}

/** Whether a text mentions the user. The name in code or in a link does not count. */
function mentionsUser(text) {
  const pattern = mentionPattern();
  const isIn = (piece) => piece.kind === 'emphasis' ? piecesOf(piece.text).some(isIn) : piece.kind === 'text' && piece.text.search(pattern) >= 0;
  return pattern !== null && text.search(pattern) >= 0 && piecesOf(text).some(isIn);
}

function fillWords(node, text, pattern) {
  let from = 0;
  for (const found of pattern ? text.matchAll(pattern) : []) {
    node.append(text.slice(from, found.index), el('mark', '', found[0]));
    from = found.index + found[0].length;
  }
  node.append(text.slice(from));
}

function codeInText(text) {
  const node = el('code', '', text);
  node.dir = 'ltr';
  return node;
}

/** Appends a text to a node, with its marks; what `pattern` finds in it is marked as a mention. */
function fillText(node, text, pattern) {
  for (const piece of piecesOf(text)) {
    if (piece.kind === 'code') node.append(codeInText(piece.text));
    else if (piece.kind === 'link') node.append(linkNode(piece));
    else if (piece.kind === 'emphasis') fillText(node.appendChild(el('em')), piece.text, pattern);
    else fillWords(node, piece.text, pattern);
  }
}

/** The text of a message, with its marks. */
function textNode(text, pattern) {
  const node = el('span', 'text');
  node.dir = 'auto';
  fillText(node, text, pattern);
  return node;
}
