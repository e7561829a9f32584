// Lines that are sent: which of them the server has answered, and which may be lost.

/** Every line that was sent, in order, until an answer to it or to a later one comes back. */
let pending = [];
/** Lines of a connection that was lost, of which it is not known whether they were said. */
let doubtful = [];
/** Lines that are known to be unanswered. */
let unsaid = [];

const SPOKEN = new Set(['say', 'action', 'whisper']);
const ANSWERED = new Set(['say', 'action', 'whisper', 'ping', 'who', 'rooms', 'help']);
const KINDS = { msg: 'whisper', r: 'whisper', me: 'action', leave: 'join' };

/** What the server will take a line for, and the text that it will say. */
function understand(line) {
  if (!line.trim()) return { kind: 'nothing' };
  if (/^\s*(q|quit|exit)\s*$/i.test(line)) return { kind: 'quit' };
  if (/^(@@|\/\/)/.test(line)) return { kind: 'say', text: line.slice(1) };
  if (line.startsWith('##') && canFollow()) return { kind: 'say', text: line.slice(1) };
  if (line.startsWith('@')) return { kind: 'whisper', text: line.replace(/^@\S* ?/, ''), to: line.match(/^@(\S*)/)[1].replace(/[:,]$/, '') };
  if (!line.startsWith('/')) return { kind: 'say', ...toRoom(line) };
  const [, word, rest] = line.match(/^\/(\S*) ?(.*)$/s);
  const kind = KINDS[word.toLowerCase()] ?? word.toLowerCase();
  const [, to, text] = word.toLowerCase() === 'msg' ? rest.match(/^\s*(\S*) ?(.*)$/s) : [null, undefined, rest];
  if (kind === 'nick' && /\S\s+\S/.test(rest)) return { kind: 'take', text: rest };
  if (word.toLowerCase() === 'say' || to !== undefined) return { kind, text, to };
  const target = toRoom(text);
  return { ...target, kind: ['topic', 'room'].includes(kind) && target.text.trim() ? `set_${kind}` : kind };
}

/** The room before a text, `#den text`, if the user is a member of it. */
function toRoom(text) {
  const [, named, rest = ''] = text.match(/^#([^#\s]\S*)(?: (.*))?$/s) ?? [];
  return named && canFollow() && (isMember(named) || sameRoom(named, me.room)) ? { room: named, text: rest } : { text };
}

/**
 * Sends a line. `silent`: the user has not typed it; `typed`: what it was before it got the name of a room; `from`: the
 * view in which it was typed; `load`, `query`, `opens`: what is done with the answer.
 */
function transmit(line, { silent = false, load, query, opens, from, typed } = {}) {
  const { kind, text, room: named, to } = understand(line);
  socket.send(line);
  // Without an echo nothing comes back by which to know.
  if (!me.echo && (kind === 'say' || kind === 'action')) return;
  // The server says nothing to these.
  if (kind === 'nothing' || (kind === 'read' && silent)) return;
  pending.push({ line, kind, room: named, text: text === undefined ? undefined : cleaned(text), silent, load, query, opens, from, typed, to, at: performance.now() });
}

/** An answer settles the first line that it can be for, and all before it: the server keeps their order. */
function answered(kinds, text) {
  const fits = (line) => kinds.includes(line.kind);
  let index = text === undefined ? -1 : pending.findIndex((line) => fits(line) && line.text.trim() === cleaned(text).trim());
  // Of an account another connection may have said it.
  if (index < 0 && !(me.account && text !== undefined)) index = pending.findIndex(fits);
  return index < 0 ? undefined : pending.splice(0, index + 1).at(-1);
}

const KIND_OF = { said: 'say', action: 'action' };

/** A line of before the connection was lost stands in the history: it was said. */
function confirmLost(f) {
  const index = doubtful.findIndex((line) => line.kind === KIND_OF[f.t] && line.name === f.name && line.text === cleaned(f.text)
    && sameRoom(line.room, f.room ?? me.room) && (line.run !== me.run || f.id > line.after));
  if (index >= 0) doubtful.splice(index, 1);
}

/** The lines that a refusal can be for; any but those that are said where nothing else is told. */
const REFUSABLE = {
  too_long: (line) => bytes(line.line) > me.maxLine,
  usage: (line) => line.kind !== 'say' || !line.text.trim(),
  nobody_called: (line) => ['whisper', 'ignore', 'whois', 'invite', 'op', 'deop', 'voice', 'devoice', 'kick', 'mute', 'ban'].includes(line.kind),
  history_range: (line) => line.kind === 'history',
  no_store: (line) => line.kind === 'history' || line.kind === 'search',
  lookup_fails: (line) => line.kind === 'history' || line.kind === 'search',
  cut_off: () => true,
  perhaps_not_said: () => true,
  not_reached: (line) => line.kind === 'whisper',
  no_room: (line) => line.kind === 'who',
  not_in_room: (line) => line.line.includes('#'),
  follows_already: (line) => line.kind === 'follow',
  not_followed: (line) => line.kind === 'unfollow',
  too_many_followed: (line) => line.kind === 'follow',
  text_too_long: (line) => line.kind === 'set_topic',
  ...Object.fromEntries([...ENTRY_REASONS].map((what) => [what, (line, f) => enters(line, f.room) || (line.load && sameRoom(line.load.view.name, f.room))])),
  ...Object.fromEntries(['no_accounts', 'no_account', 'bad_password', 'other_sessions', 'registered_already', ...PASSWORD_REASONS].map((what) => [what, hasPassword])),
  muted_in: speaks,
  moderated: speaks,
  slow_mode: speaks,
};
/** The line says something in the room of a refusal. */
function speaks(line, f) {
  return ['say', 'action', 'set_topic'].includes(line.kind) && sameRoom(line.room ?? me.room, f.room);
}
const isCommand = (line) => line.kind !== 'say' && line.kind !== 'action';

function refusedLine(f, text) {
  const fits = REFUSABLE[f.what] ?? isCommand;
  const index = pending.findIndex((line) => fits(line, f));
  const asked = index < 0 ? undefined : pending.splice(0, index + 1).at(-1);
  if (asked?.kind === 'join') setAddress(shown);
  if (asked?.load) return failedLoad(asked.load, text);
  if (asked?.kind === 'whois' && asked.silent) return failCard(text);
  if (asked?.query) {
    asked.query.isWaiting = false;
    $.searchState.textContent = text;
  }
  if (asked?.kind === 'set_room') resetSettings();
  if (asked && ENTRY_REASONS.has(f.what)) return refusedEntry(f, asked, text);
  if (asked && hasPassword(asked)) {
    if (refusedAccount(f, asked, text)) return;
  } else if (asked?.silent) return;
  if (asked?.kind === 'whisper') closeEmptyTalk(asked);
  show({ kind: 'refused', text });
  if (f.what === 'wrong_key') askKey(f.room, 'follow', false);
  if (sideShown() || membersShown()) $.sideWhy.textContent = $.memberWhy.textContent = wide.matches ? '' : text;
  // It can be said later.
  if (fits === speaks && asked) giveBack(asked);
}

/** A text goes back to where it was typed, unless another is being written there. */
function giveBack({ line, typed = line, from = shown }) {
  if (from !== shown) from.draft ||= typed;
  else if (!$.text.value) {
    $.text.value = typed;
    draftChanged();
  }
}

/** A whisper was refused: a conversation in which nothing was said ends. */
function closeEmptyTalk({ to, from }) {
  const view = to && findTalk(to);
  // What has been typed there since stays there.
  if (!view || view.live.items.some(canSave) || (view === shown ? $.text.value : view.draft)) return;
  views.delete(view.key);
  roomsChanged = true;
  if (view === shown) showView(from ?? room(me.room));
}

function refusedEntry(f, asked, text) {
  // What was said there before the connection was lost is not known to be said.
  settleDoubts(f.room);
  if (f.what !== 'wrong_key') return show({ kind: 'refused', text });
  keys.delete(fold(f.room));
  askKey(f.room, asked.kind, Boolean(entryOf(asked).key));
  if (asked.silent) return;
  if (!wide.matches) closePanels();
  $.key.focus();
}

/** The connection is gone: what was not answered may have been said, or not. */
function doubt() {
  let elsewhere = false;
  for (const line of pending) {
    elsewhere ||= line.kind === 'join';
    if (!SPOKEN.has(line.kind)) continue;
    // If it was said, it has an id above the last one that was seen. A whisper is in no history, though.
    const { line: text, kind, text: words, typed, from } = line;
    const name = kind === 'whisper' ? undefined : line.room ?? me.room;
    doubtful.push({ line: text, kind, text: words, typed, from: from?.key, room: name, name: me.name, run: me.run, after: findRoom(name ?? me.room)?.lastId ?? 0, unsure: elsewhere || kind === 'whisper' });
  }
  pending = [];
  drawUnsaid();
}

/** The history that comes does not reach back to where the connection was lost; without `room`, in all rooms. */
function cannotTell(name) {
  for (const line of doubtful) line.unsure ||= !name || sameRoom(line.room ?? me.room, name);
}

/** The history of a followed room has not come to its end on this connection. */
const isComing = (name) => Boolean(findRoom(name)?.isMember) && !findRoom(name).isComplete || (followedRooms().some((view) => sameRoom(view.name, name) && !view.isConfirmed));

/** A line that was said in what was the current room goes to that room, also if another one is current by now. */
function addressed({ line, kind, room: name }) {
  if (!canFollow() || !name || sameRoom(name, me.room) || kind === 'whisper' || understand(line).room) return line;
  return `${kind === 'action' ? '/me ' : ''}#${name} ${understand(line).text}`;
}

/** Whether an unsaid line can be sent to where it was typed. */
const hasPlace = ({ kind, room: name }) => kind === 'whisper' || !name || !canFollow() || isMember(name);

/** A room is up to date: what was said there and has not come back by now is given back. */
function settleDoubts(name) {
  const isOpen = (line) => line.room && !sameRoom(line.room, name) && (isComing(line.room) || reentering.has(fold(line.room)));
  const news = !doubtful.every(isOpen);
  unsaid.push(...doubtful.filter((line) => !isOpen(line)));
  doubtful = doubtful.filter(isOpen);
  drawUnsaid();
  if (news) announce($.unsaidWhy.textContent);
}

function drawUnsaid() {
  const lines = [...unsaid, ...doubtful];
  remember('sessionStorage', 'unsaid', lines.length ? JSON.stringify(lines) : '');
  $.unsaid.hidden = lines.length === 0;
  $.unsaidLines.replaceChildren(...lines.map((line) => el('li', '', line.line)));
  if (lines.length === 0) return;
  const settled = doubtful.length === 0 && phase === 'here';
  const unsure = lines.some((line) => line.unsure);
  $.unsaidWhy.textContent = !settled ? T.unsaidWaiting : unsure ? T.unsaidPerhaps : T.unsaid(lines.length);
  $.unsaidButtons.hidden = !settled;
  $.edit.hidden = lines.length > 1;
}

function takeUnsaid() {
  const lines = unsaid;
  unsaid = [];
  drawUnsaid();
  $.text.focus();
  return lines;
}

$.again.addEventListener('click', () => {
  if (phase !== 'here') return;
  const lines = takeUnsaid();
  for (const line of lines.filter(hasPlace)) transmit(addressed(line), { typed: line.typed, from: views.get(line.from) });
  // The others would be said in another room.
  unsaid = lines.filter((line) => !hasPlace(line));
  drawUnsaid();
  if (unsaid.length > 0) show({ kind: 'refused', text: T.refused.not_in_room(unsaid[0]) });
});
$.discard.addEventListener('click', () => takeUnsaid());
$.edit.addEventListener('click', () => {
  const [line] = takeUnsaid();
  const view = views.get(line.from);
  if (view) showView(view);
  // What is being written is to be had by the arrow key.
  rememberSent(shown, draftLines($.text.value));
  setDraft(view ? line.typed : line.line);
});
