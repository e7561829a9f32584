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

const LINK = /\bhttps?:\/\/[^\s<>"“”‘’「」『』《》，。；：！？、（）【】]+/giu;

/** Where a link ends: not with the sentence's own punctuation, nor a bracket that it did not open. */
function linkEnd(url) {
  const count = (mark) => url.split(mark).length;
  const unopened = { ')': count(')') - count('('), ']': count(']') - count('['), '}': count('}') - count('{') };
  let end = url.length;
  for (; end > 0; end -= 1) {
    const last = url[end - 1];
    if (unopened[last] > 0) unopened[last] -= 1;
    else if (!/[.,;:!?'"*_~]/.test(last)) break;
  }
  return url.slice(0, end);
}

function linkNode(url) {
  const node = el('a', '', url);
  node.href = url;
  node.target = '_blank';
  node.rel = 'noopener noreferrer nofollow';
  return node;
}

/** Finds one's own name as a word; scripts that are written without spaces have no words to look at. */
let mention = { name: '', pattern: null };
function mentionPattern() {
  if (mention.name === me.name) return mention.pattern;
  const quoted = me.name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const spaced = !/[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}\p{sc=Hangul}]/u.test(me.name);
  const source = spaced ? `(?<![\\p{L}\\p{N}_])(?<![\\p{L}\\p{N}][-.])${quoted}(?![\\p{L}\\p{N}\\p{M}_]|[-.][\\p{L}\\p{N}])` : quoted;
  mention = { name: me.name, pattern: me.name ? new RegExp(source, 'giu') : null };
  return mention.pattern;
}

function fillWords(node, text, pattern) {
  let from = 0;
  for (const found of pattern ? text.matchAll(pattern) : []) {
    node.append(text.slice(from, found.index), el('mark', '', found[0]));
    from = found.index + found[0].length;
  }
  node.append(text.slice(from));
}

/** A message's text: links can be followed and one's own name is marked. */
function textNode(text, pattern) {
  const node = el('span', 'text');
  node.dir = 'auto';
  let from = 0;
  for (const found of text.includes('://') ? text.matchAll(LINK) : []) {
    const url = linkEnd(found[0]);
    if (!URL.canParse(url)) continue;
    fillWords(node, text.slice(from, found.index), pattern);
    node.append(linkNode(url));
    from = found.index + url.length;
  }
  fillWords(node, text.slice(from), pattern);
  return node;
}
