// Small functions that the other files use: elements, storage, comparison of names.

const $ = Object.fromEntries([...document.querySelectorAll('[id]')].map((node) => [node.id, node]));

/** An element with a class and children; strings become text, never markup. */
function el(tag, className = '', ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...children);
  return node;
}

/** Storage that a browser may forbid, or that is full: what cannot be remembered is forgotten; `false` then. */
function remember(storage, key, value) {
  try {
    if (value == null || value === '') window[storage].removeItem(`chinwag.${key}`);
    else window[storage].setItem(`chinwag.${key}`, value);
    return true;
  } catch {
    return false;
  }
}
function forgetStored(storage, prefix) {
  try {
    for (const key of Object.keys(window[storage])) if (key.startsWith(`chinwag.${prefix}`)) window[storage].removeItem(key);
  } catch { /* forbidden */ }
}
function recall(storage, key) {
  try { return window[storage].getItem(`chinwag.${key}`) ?? ''; } catch { return ''; }
}

const fold = (name) => String(name).normalize('NFKC').toLowerCase();
const sameRoom = (one, other) => one === other || fold(one) === fold(other);
const bytes = (text) => new TextEncoder().encode(text).length;
const { compare } = new Intl.Collator(LOCALE, { numeric: true });
const listOf = (items) => new Intl.ListFormat(LOCALE).format(items);
const wide = matchMedia('(min-width: 56rem)');
const hasKeyboard = matchMedia('(pointer: fine)');

/** What the server makes of a text before it is said, so that one's own line is known when it returns. */
const cleaned = (text) => text.replaceAll('\t', ' ').replace(/[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, '');
