// The field in which a line is written: the draft, and the keys.

// ---- Writing -------------------------------------------------------------------------------------------

let sent = []; // what was sent, for the arrow keys
let recalled = -1; // which of it is shown
let pasted = ''; // the first of several lines that were pasted: what stands before it was typed

const linesOf = (text) => text.split(/\r\n|\r|\n/).filter((line) => line.trim());

/** A pasted line is text, whatever it begins with. */
function asText(line) {
  if (/^[@/]/.test(line) || (line.startsWith('#') && canFollow())) return line[0] + line;
  return understand(line).kind === 'quit' ? `/say ${line}` : line;
}

/** The lines of a draft. What was typed before the paste, as a whisper's name, stands before each of them. */
function draftLines(draft) {
  const lines = linesOf(draft);
  if (lines.length < 2) return lines;
  const [first, ...rest] = lines;
  const typed = pasted !== '' && draft.indexOf(pasted) !== 0;
  const head = typed ? first.match(/^(@(?!@)\S+ |\/msg +\S+ |\/r |\/me |#(?!#)\S+ )/i)?.[0] : undefined;
  if (head && (!head.startsWith('#') || isMember(head.slice(1).trim()))) return [first.slice(head.length), ...rest].filter((line) => line.trim()).map((line) => head + line);
  return [typed ? first : asText(first), ...rest.map(asText)];
}

function setDraft(text) {
  $.text.value = text;
  forgetWord();
  draftChanged();
  $.text.focus();
  $.text.setSelectionRange(text.length, text.length);
}

function draftChanged() {
  const draft = $.text.value;
  if (!draft.includes('\n')) pasted = '';
  const isKept = !linesOf(draft).some(isSecret);
  remember('sessionStorage', 'draft', isKept ? draft : '');
  remember('sessionStorage', 'pasted', isKept ? pasted : '');
  if (!CSS.supports('field-sizing', 'content')) {
    $.text.style.height = 'auto';
    $.text.style.height = `${$.text.scrollHeight}px`;
  }
  drawHint();
}

/** Above the field: to whom it goes where that is not the room, how many lines, and how much is too much. */
function drawHint() {
  const lines = draftLines($.text.value);
  const { to, room } = lines.length ? understand(lines[0]) : {};
  const longest = Math.max(0, ...lines.map(bytes));
  const left = me.maxLine - longest;
  const hints = [to && T.whisperTo(to), room && !sameRoom(room, me.room) && T.say(room), lines.length > 1 && T.lines(lines.length), left < 0 ? T.over(-left) : left < 200 && T.left(left)];
  $.hint.textContent = hints.filter(Boolean).join(' · ');
  $.hint.className = left < 0 ? 'bad' : to ? 'to' : '';
  $.field.classList.toggle('to', Boolean(to));
}

async function submit() {
  const draft = $.text.value;
  const lines = draftLines(draft);
  if (lines.length === 0) return;
  if (phase !== 'here') {
    $.hint.textContent = T.kept;
    return announce(T.kept);
  }
  if (lines.some((line) => bytes(line) > me.maxLine)) return announce($.hint.textContent);
  if (lines.length > 5 && !await confirmMany(lines)) return $.text.focus();
  // The connection may have gone while the question was open.
  if (phase !== 'here') return announce(T.kept);
  lines.forEach((line) => transmit(line));
  sent = [...sent.filter((line) => !lines.includes(line)), ...lines.filter((line) => !isSecret(line))].slice(-100);
  recalled = -1;
  setDraft('');
  toEnd();
  drawNewest();
}

let questions = 0;

function confirmMany(lines) {
  const question = ++questions;
  $.manyTitle.textContent = T.many(lines.length);
  const shown = lines.slice(0, 8).map((line) => el('li', '', line));
  if (lines.length > 8) shown.push(el('li', '', T.andMore(lines.length - 8)));
  $.manyLines.replaceChildren(...shown);
  $.many.returnValue = '';
  $.many.showModal();
  return new Promise((resolve) => {
    const closed = () => {
      // The event comes a moment after the end of a question, when it can be asked again already.
      const isLast = question === questions;
      if (isLast && $.many.open) return;
      $.many.removeEventListener('close', closed);
      resolve(isLast && $.many.returnValue === 'yes');
    };
    $.many.addEventListener('close', closed);
  });
}

function recallSent(step) {
  const next = recalled + step;
  if (next < -1 || next >= sent.length) return;
  recalled = next;
  setDraft(next < 0 ? '' : sent.at(-1 - next));
}

/** The arrows go through what was sent, unless they have a way to go in what is being written. */
function mayRecall(key) {
  if ($.text.selectionStart !== $.text.selectionEnd) return false;
  const untouched = recalled >= 0 && $.text.value === sent.at(-1 - recalled);
  if (key === 'ArrowDown') return untouched;
  return untouched || $.text.value === '';
}

// ---- Keys ----------------------------------------------------------------------------------------------

function textKey(event) {
  // Enter ends a composition (pinyin, kana) before it ends a line; 229 is what Safari says of it.
  if (event.isComposing || event.keyCode === 229) return;
  const { key } = event;
  const plain = !event.ctrlKey && !event.metaKey && !event.altKey;
  let taken = plain && !event.shiftKey && listKey(key);
  if (taken) {
    event.stopPropagation();
    return event.preventDefault();
  }
  // A line is a line: there is nothing for Shift-Enter to do, and sending is not what it is pressed for.
  if (key === 'Enter') { taken = true; if (!event.shiftKey) submit(); }
  else if (key === 'Tab' && plain) taken = (!event.shiftKey || cycle !== null) && complete(event.shiftKey);
  else if ((key === 'ArrowUp' || key === 'ArrowDown') && plain && !event.shiftKey && mayRecall(key)) { taken = true; recallSent(key === 'ArrowUp' ? 1 : -1); }
  else if ((key === 'PageUp' || key === 'PageDown') && plain) { taken = true; $.log.scrollBy({ top: (key === 'PageUp' ? -0.9 : 0.9) * $.log.clientHeight }); }
  if (key !== 'Tab' && key !== 'Shift') cycle = null;
  if (taken) event.preventDefault();
}

$.text.addEventListener('keydown', textKey);
$.text.addEventListener('input', () => { recalled = -1; draftChanged(); });
$.text.addEventListener('paste', (event) => {
  const text = event.clipboardData?.getData('text/plain') ?? '';
  // What ends a line elsewhere shall not leave an empty one here.
  if (linesOf(text).length < 2 && /[\r\n]/.test(text)) {
    event.preventDefault();
    $.text.setRangeText(linesOf(text)[0] ?? '', $.text.selectionStart, $.text.selectionEnd, 'end');
    draftChanged();
  } else if (linesOf(text).length > 1 && !$.text.value.includes('\n')) {
    pasted = linesOf(text)[0];
  }
});
$.write.addEventListener('submit', (event) => { event.preventDefault(); submit(); });
$.field.addEventListener('click', (event) => { if (event.target === $.field) $.text.focus(); });

document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape' && !$.many.open && sideShown() && !wide.matches) return showSide(false);
  // Whoever begins to type means the field.
  const elsewhere = [document.body, $.log, $.delete].includes(event.target);
  if (elsewhere && !$.room.hidden && event.key.length === 1 && event.key !== ' ' && !event.ctrlKey && !event.metaKey && !event.altKey) $.text.focus();
});
