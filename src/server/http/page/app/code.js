// Code in several messages: from a line that begins with ``` to one that ends with ```.

const FENCE = '```';

/**
 * Reads a message as a part of a block of code. `isOpen`: a block of its author is open; in the answer, whether it is open
 * behind the message. `lines`: the lines of code to show; `null` if the message is not code.
 */
function codeLine(text, isOpen) {
  const trimmed = text.trimEnd();
  const ends = trimmed.endsWith(FENCE);
  if (isOpen) return ends ? { isOpen: false, lines: codeLines(trimmed.slice(0, -3)) } : { isOpen, lines: [text] };
  const rest = trimmed.slice(3);
  const end = rest.indexOf(FENCE);
  const isFence = text.startsWith(FENCE) && !rest.startsWith('`') && [-1, rest.length - 3].includes(end);
  if (!isFence) return { isOpen, lines: null };
  if (end > 0) return { isOpen, lines: codeLines(rest.slice(0, end)) };
  // A word alone names the language.
  return { isOpen: true, lines: /^\s*[\p{L}\p{N}_+#.-]*$/u.test(rest) ? [] : [rest] };
}

const codeLines = (code) => code.trim() ? [code] : [];

/** A block of code. If it is wider than the log, it scrolls, also with the keyboard. */
function codeNode(lines) {
  const node = el('pre', 'text code', el('code', '', lines.join('\n')));
  node.dir = 'ltr';
  node.tabIndex = 0;
  node.setAttribute('role', 'group');
  node.setAttribute('aria-label', T.code);
  return node;
}
