// The marks in the text of a message: code, emphasis, links.

/** Scripts that are written without spaces, for a class of characters. */
const UNSPACED = '\\p{sc=Han}\\p{sc=Hiragana}\\p{sc=Katakana}\\p{sc=Thai}\\p{sc=Hangul}';
/** A character of a word, in a script that is written with spaces. */
const WORD = `(?![${UNSPACED}])[\\p{L}\\p{N}\\p{M}_]`;
const IN_LINK = '[^\\s<>`“”‘’「」『』《》，。；：！？、（）【】]';
const HOST = '(?:[\\p{sc=Latin}\\p{N}-]+\\.)+[a-z]{2,}';
/** A host has ended: no other character of a name follows. */
const HOST_END = `(?!${WORD}|[-@]|\\.[\\p{L}\\p{N}])`;
const BEFORE_EMPHASIS = '^|[\\s\\p{Ps}\\p{Pi}\\p{Pd}"\',，。、；：！？…]';
const BEHIND_EMPHASIS = '$|(?!\\.[\\p{L}\\p{N}])[\\s\\p{Pe}\\p{Pf}\\p{Pd}"\'.,;:!?，。、；：！？…]';

/** Emphasis is around whole words; where words have no spaces, at one of its sides. */
const emphasis = (name, before, behind) => `(?<=${before})\\*(?<${name}>[\\p{L}\\p{N}\\p{So}"'“‘「『（(@#](?:[^*\`]*[\\p{L}\\p{N}\\p{M}\\p{So}"'”’」』）).!?。！？…])?)\\*(?=${behind})`;

/** Each alternative looks at a character once, or as often as it has marks: no text takes long. */
const MARKS = new RegExp([
  '(?<!`)`(?<code>(?!\\s)[^`]*[^\\s`])`(?!`)',
  `(?<url>\\bhttps?:\\/\\/${IN_LINK}+)`,
  `(?<!${WORD}|[.@:\\/-])(?<site>www\\.${HOST}${HOST_END}(?:[:\\/?#]${IN_LINK}*)?)`,
  `(?<!${WORD}|[.%+@\\/-])(?<mail>[a-z0-9][a-z0-9._%+-]{0,63}@(?!\\dx\\.)${HOST}${HOST_END}(?![:\\/]\\S))`,
  emphasis('words', BEFORE_EMPHASIS, `${BEHIND_EMPHASIS}|[${UNSPACED}]`),
  emphasis('inner', `[${UNSPACED}]`, BEHIND_EMPHASIS),
].join('|'), 'giu');

/** Where a link ends: not with the sentence's own punctuation, nor a bracket that it did not open, nor text behind its host. */
function linkEnd(url) {
  const behindHost = url.match(/^(https?:\/\/[\w.-]+(?:\.[a-z]{2,}|:\d+))[^\0-\x7f][^./?#:]*$/iu);
  if (behindHost) return behindHost[1];
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

/** What a mark found in a text stands for: its kind, the text to show, and the address of a link. */
function markOf({ code, url, site, mail, words, inner }) {
  if (code) return { kind: 'code', text: code };
  if (mail) return { kind: 'link', text: mail, href: `mailto:${mail}` };
  if (words ?? inner) return { kind: 'emphasis', text: words ?? inner };
  const text = linkEnd(url ?? site);
  const href = url ? text : `https://${text}`;
  return URL.canParse(href) ? { kind: 'link', text, href } : null;
}

/** The pieces of a text in their order, each of a kind: `text`, `code`, `emphasis` or `link`. */
function piecesOf(text) {
  const pieces = [];
  let from = 0;
  const add = (piece) => piece.text && pieces.push(piece);
  for (const found of /[`*@]|:\/\/|www\./i.test(text) ? text.matchAll(MARKS) : []) {
    const mark = markOf(found.groups);
    if (!mark) continue;
    add({ kind: 'text', text: text.slice(from, found.index) });
    add(mark);
    from = found.index + (mark.kind === 'link' ? mark.text.length : found[0].length);
  }
  add({ kind: 'text', text: text.slice(from) });
  return pieces;
}
