// The field in which a line is written: the draft, and the keys.

// ---- Writing -------------------------------------------------------------------------------------------

let recalled = -1; // which of `shown.sent` is in the field
let pasted = ''; // the first of several lines that were pasted: what stands before it was typed

const linesOf = (text) => text.split(/\r\n|\r|\n/).filter((line) => line.trim());

/** A pasted line is text, whatever it begins with. */
function asText(line) {
  if (/^[@/]/.test(line) || (line.startsWith('#') && canFollow())) return line[0] + line;
  return understand(line).kind === 'quit' ? `/say ${line}` : line;
}

/** The lines of a draft. To whom the first one goes, if that was typed, all of them go; but for that they are text. */
function draftLines(draft) {
  const lines = linesOf(draft);
  if (lines.length < 2) return lines;
  const [first, ...rest] = lines;
  const typed = pasted === '' || draft.indexOf(pasted) !== 0;
  const head = typed ? first.match(/^(@(?!@)\S+ |\/msg +\S+ |\/r |#(?!#)\S+ )/i)?.[0] : undefined;
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

/** The draft belongs to the view. One with a password is not kept. */
function keepDraft() {
  const isKept = !linesOf($.text.value).some(isSecret);
  Object.assign(shown, isKept ? { draft: $.text.value, pasted } : { draft: '', pasted: '' });
}

function takeDraft() {
  $.text.value = shown.draft ?? '';
  pasted = shown.pasted ?? '';
  recalled = -1;
  draftChanged();
}

function draftChanged() {
  const draft = $.text.value;
  if (!draft.includes('\n')) pasted = '';
  saveSoon();
  if (!CSS.supports('field-sizing', 'content')) {
    $.text.style.height = 'auto';
    $.text.style.height = `${$.text.scrollHeight}px`;
  }
  drawHint();
}

/** The lines for the server, and the reason why they cannot be sent. */
function routedLines() {
  const typed = draftLines($.text.value);
  const refusal = typed.map((line) => misplaced(line)).find(Boolean) ?? '';
  // A member that is removed from the room while many lines are on their way says none of them elsewhere.
  return { typed, refusal, lines: typed.map((line) => route(line, shown, typed.length > 1)) };
}

/** Above the field: to whom it goes where that is not the view, how many lines, and how much is too much. */
function drawHint() {
  const { lines, refusal } = routedLines();
  const { kind, room: named, to = kind === 'whisper' ? lastWhisperer : undefined } = lines.length ? understand(lines[0]) : {};
  const isElsewhere = to ? shown.isRoom || fold(to) !== fold(shown.name) : named && !(shown.isRoom && sameRoom(named, shown.name));
  const longest = Math.max(0, ...lines.map(bytes));
  const left = me.maxLine - longest;
  const hints = [
    refusal, isElsewhere && (to ? T.whisperTo(to) : T.say(named)), lines.length > 1 && T.lines(lines.length),
    left < 0 ? T.over(-left) : left < 200 && T.left(left),
  ];
  $.hint.textContent = hints.filter(Boolean).join(' · ');
  $.hint.className = left < 0 || refusal ? 'bad' : to ? 'to' : '';
  $.field.classList.toggle('to', to !== undefined || (lines.length === 0 && !shown.isRoom));
}

async function submit() {
  if (!shown.isRoom && /^\/leave\s*$/i.test($.text.value)) {
    setDraft('');
    return leaveView(shown);
  }
  const { typed, lines, refusal } = routedLines();
  if (refusal) return announce(refusal);
  if (lines.length === 0) return;
  if (phase !== 'here') {
    $.hint.textContent = T.kept;
    return announce(T.kept);
  }
  if (lines.some((line) => bytes(line) > me.maxLine)) return announce($.hint.textContent);
  const from = shown;
  if (lines.length > (isCode(typed) ? 50 : 5) && !await confirmMany(lines)) return $.text.focus();
  // The connection may have gone while the question was open, or the user was removed from the room.
  if (phase !== 'here') return announce(T.kept);
  if (shown !== from) return;
  lines.forEach((line, index) => transmit(line, { from, typed: typed[index] }));
  rememberSent(from, typed);
  recalled = -1;
  setDraft('');
  followLine(understand(lines.at(-1)));
  goToEnd();
}

const isCode = ([first]) => codeLine(first, false).lines !== null;

/** Whether a block of code is open at the end of the draft: Enter begins its next line. */
function isInCode() {
  return linesOf($.text.value).reduce((isOpen, line) => codeLine(line, isOpen).isOpen, false);
}

/** After a whisper the user goes on in the conversation; after joining a room that is in the list, in that room. */
function followLine(line) {
  const { kind, to = lastWhisperer } = line;
  if (kind === 'whisper' && to && fold(to) !== fold(me.name)) showView(talk(to));
  const joined = kind === 'join' && findRoom(entryOf(line).room);
  if (joined?.isMember) showView(joined);
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

function rememberSent(view, lines) {
  view.sent = [...view.sent.filter((line) => !lines.includes(line)), ...lines.filter((line) => !isSecret(line))].slice(-100);
}

function recallSent(step) {
  const next = recalled + step;
  if (next < -1 || next >= shown.sent.length) return;
  recalled = next;
  setDraft(next < 0 ? '' : shown.sent.at(-1 - next));
}

/** The arrows go through what was sent, unless they have a way to go in what is being written. */
function mayRecall(key) {
  if ($.text.selectionStart !== $.text.selectionEnd) return false;
  const untouched = recalled >= 0 && $.text.value === shown.sent.at(-1 - recalled);
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
  // Shift-Enter begins another line, which is a message of its own; so does Enter within code.
  if (key === 'Enter' && !event.shiftKey && !isInCode()) { taken = true; submit(); }
  else if (key === 'Tab' && plain) taken = (!event.shiftKey || cycle !== null) && complete(event.shiftKey);
  else if ((key === 'ArrowUp' || key === 'ArrowDown') && plain && !event.shiftKey && mayRecall(key)) { taken = true; recallSent(key === 'ArrowUp' ? 1 : -1); }
  else if ((key === 'PageUp' || key === 'PageDown') && plain) { taken = true; $.log.scrollBy({ top: (key === 'PageUp' ? -0.9 : 0.9) * $.log.clientHeight }); }
  if (key === 'Tab' && !taken) closeList();
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
  if (event.key === 'Escape' && !document.querySelector('dialog[open]')) return escape();
  // What the user begins to type goes into the field; a slash begins a search.
  const elsewhere = [document.body, $.log, $.delete, $.more].includes(event.target);
  if (elsewhere && !$.room.hidden && event.key.length === 1 && event.key !== ' ' && event.key !== '/' && !event.ctrlKey && !event.metaKey && !event.altKey) $.text.focus();
});

/** Escape closes what lies over the messages. */
function escape() {
  if (!wide.matches) {
    for (const [panel] of panels) if (!panel.hidden) showPanel(panel, false);
  } else if (searchShown()) {
    showSearch(false);
    focusFirst();
  }
}
