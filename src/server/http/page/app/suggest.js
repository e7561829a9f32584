// Completion of names, commands and rooms: the list that opens above the field while one is typed, and the key Tab.

// ---- What can be completed -----------------------------------------------------------------------------

const COMMANDS = ['me', 'msg', 'r', 'nick', 'who', 'rooms', 'join', 'leave', 'history', 'search', 'ignore', 'unignore', 'echo', 'ping', 'motd', 'help', 'quit', 'say'];
const COMMANDS_2 = ['follow', 'unfollow', 'topic', 'quiet', 'away', 'whois', 'delete', 'room', 'register', 'password', 'unregister']; // on servers of revision 2
const OPERATOR_COMMANDS = ['invite', 'op', 'deop', 'voice', 'devoice', 'kick', 'mute', 'unmute', 'mutes', 'ban', 'unban', 'bans'];

/** The members that can be named: `name`, and `detail` to show beside it. `fits`: the names that are wanted. */
function knownPeople(fits) {
  const view = shown.isRoom ? shown : home();
  const names = [...(view?.people.values() ?? [])].filter((name) => name !== me.name && fits(name)).sort(compare);
  return names.map((name) => ({ name, detail: [T.roles[roleOf(name, view)], view.away.has(fold(name)) && T.awayMark].filter(Boolean).join(T.comma) }));
}

/** The rooms in which the user can say something; within a line others can be named, too. */
function knownRooms(fits, isStart) {
  const detailOf = (here, topic) => [T.here(here), topic].filter(Boolean).join(' · ');
  const mine = memberRooms().sort(byName).map(({ name, here, topic }) => ({ name, detail: detailOf(here, topic) }));
  const others = isStart ? [] : rooms.filter(([name]) => !isMember(name)).map(([name, here, topic]) => ({ name, detail: detailOf(here, topic) }));
  return [...mine, ...others].filter(({ name }) => fits(name));
}

/** The commands that the user may use. */
function knownCommands(fits) {
  const names = [...COMMANDS, ...(canFollow() ? COMMANDS_2 : []), ...(mayOperate() ? OPERATOR_COMMANDS : [])].filter(fits);
  return names.map((name) => ({ name, detail: commandHelp(`/${name}`) }));
}

/** What the help says of a command: its arguments and its sentence. */
function commandHelp(command) {
  const entries = [...T.commands, ...T.commands2].map(([usage, sentence]) => ({ usage, sentence, usages: usage.split(/, |、/), sentences: sentence.split(/; |；/) }));
  for (const { usage, sentence, usages, sentences } of entries) {
    const index = usages.findIndex((each) => each.split(' ')[0] === command);
    if (index < 0) continue;
    const own = usages[index].slice(command.length).trim();
    const help = usages.length === 1 ? [own, sentence] : usages.length === sentences.length ? [own, sentences[index]] : [usage, sentence];
    return help.filter(Boolean).join(' · ');
  }
  // Others are in the sentence of another command.
  const named = new RegExp(`${command}(?![a-z])`);
  return entries.flatMap(({ sentences }) => sentences).find((each) => named.test(each)) ?? '';
}

const KNOWN = { '@': knownPeople, '#': knownRooms, '/': knownCommands };

/** The word before the cursor that can be completed, and where it starts and ends. */
function typedWord() {
  const { value, selectionStart: end, selectionEnd } = $.text;
  const word = value.slice(0, end).match(/(?:^|\s)([@/#]\S*)$/)?.[1];
  return word && end === selectionEnd ? { word, start: end - word.length, end } : null;
}

/** What the typed word can become: `word`, and what is known of it. Commands stand only at the start. */
function candidatesFor({ word, start }) {
  const [sign] = word;
  if (sign === '/' && start > 0) return [];
  const typed = fold(word.slice(1));
  return KNOWN[sign]((name) => fold(name).startsWith(typed), start === 0).map((each) => ({ ...each, word: sign + each.name }));
}

// ---- Completion with Tab -------------------------------------------------------------------------------

let cycle = null; // the candidates while Tab goes round them

/** Completes the word before the cursor; `false` where there is nothing to complete, and Tab moves on. */
function complete(back) {
  if (!cycle || cycle.value !== $.text.value) {
    const typed = typedWord();
    const candidates = typed ? candidatesFor(typed) : [];
    if (candidates.length === 0) return false;
    startCycle(typed, candidates, back ? 0 : -1);
  } else if (cycle.words.length < 2) {
    return false;
  }
  cycle.index = (cycle.index + (back ? -1 : 1) + cycle.words.length) % cycle.words.length;
  putWord();
  return true;
}

function startCycle({ start, end }, candidates, index) {
  cycle = { words: candidates.map(({ word }) => word), start, index, tail: $.text.value.slice(end) };
}

/** Puts the candidate of the cycle in the place of the word. */
function putWord() {
  const { words, start, index, tail } = cycle;
  const gap = tail.startsWith(' ') ? '' : ' ';
  $.text.value = cycle.value = $.text.value.slice(0, start) + words[index] + gap + tail;
  const caret = start + words[index].length + 1;
  $.text.setSelectionRange(caret, caret);
  announce(T.completed(words[index], index + 1, words.length));
  closeList();
  draftChanged();
}

// ---- The list ------------------------------------------------------------------------------------------

const MAX_SUGGESTIONS = 100;
let openList = null; // while there is one: the typed word, the candidates, the index of the chosen one, whether the user has moved
let dismissed = ''; // the place and sign of the word for which the user has closed the list

const placeOf = (typed) => typed ? `${typed.start}${typed.word[0]}` : '';

/** Opens the list, narrows it or closes it, for the word that is being typed. */
function suggest() {
  const typed = typedWord();
  if (placeOf(typed) !== dismissed) dismissed = '';
  const isTyped = typed && !dismissed && !$.text.value.includes('\n') && !/^\S/.test($.text.value.slice(typed.end));
  const candidates = isTyped ? candidatesFor(typed) : [];
  if (candidates.length === 0) return closeList();
  const items = candidates.slice(0, MAX_SUGGESTIONS);
  const chosen = openList?.hasMoved ? items.findIndex(({ word }) => word === openList.items[openList.index].word) : -1;
  openList = { ...typed, candidates, items, hasMoved: chosen >= 0 };
  $.suggestions.replaceChildren(...items.map(optionNode));
  $.suggestions.hidden = false;
  choose(Math.max(chosen, 0));
}

function optionNode({ word, name, detail }, index) {
  const shown = word.startsWith('@') ? nameNode(word, hueInList(name)) : el('bdi', '', word);
  const node = el('li', '', shown, ' ', el('bdi', 'quiet', detail));
  node.id = `suggestion${index}`;
  node.setAttribute('role', 'option');
  node.title = detail;
  return node;
}

function choose(index) {
  openList.index = index;
  [...$.suggestions.children].forEach((node, at) => { node.setAttribute('aria-selected', String(at === index)); });
  const chosen = $.suggestions.children[index];
  $.text.setAttribute('aria-activedescendant', chosen.id);
  chosen.scrollIntoView({ block: 'nearest' });
}

function closeList() {
  openList = null;
  $.suggestions.hidden = true;
  $.suggestions.replaceChildren();
  $.text.removeAttribute('aria-activedescendant');
}

/** The page has put another text into the field: the suggestions for the old one end. */
function forgetWord() {
  dismissed = '';
  closeList();
}

function takeSuggestion(index) {
  startCycle(openList, openList.candidates, index);
  putWord();
}

/** Whether Enter takes the choice rather than sends the line: a word that is complete is sent. */
function entersChoice() {
  const { word: typed, start, items, hasMoved } = openList;
  // A name alone says nothing.
  const isComplete = items.some(({ word }) => fold(word) === fold(typed)) && !(typed.startsWith('@') && start === 0);
  return hasMoved || (typed.length > 1 && !isComplete);
}

/** Lets the open list have a key; `false` if the key is not for it. */
function listKey(key) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[key];
  if (!openList) return false;
  if (step) {
    openList.hasMoved = true;
    choose((openList.index + step + openList.items.length) % openList.items.length);
  } else if (key === 'Tab' || (key === 'Enter' && entersChoice())) {
    takeSuggestion(openList.index);
  } else if (key === 'Escape') {
    dismissed = placeOf(openList);
    closeList();
  } else {
    return false;
  }
  return true;
}

$.text.addEventListener('input', ({ inputType, isComposing }) => {
  // An input method has a list of its own. The keyboards of phones compose every word.
  if (inputType === 'insertFromPaste' || (isComposing && hasKeyboard.matches)) closeList();
  else suggest();
});
$.text.addEventListener('compositionend', suggest);
$.text.addEventListener('blur', closeList);
document.addEventListener('selectionchange', () => {
  if (openList && [$.text.selectionStart, $.text.selectionEnd].some((at) => at !== openList.end)) closeList();
});
// The field keeps the focus.
$.suggestions.addEventListener('mousedown', (event) => event.preventDefault());
$.suggestions.addEventListener('click', ({ target }) => {
  const index = [...$.suggestions.children].indexOf(target.closest('[role=option]'));
  if (index >= 0) takeSuggestion(index);
});
