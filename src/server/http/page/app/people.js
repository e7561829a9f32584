// The list of people in the panel, and the drawing of both its lists.

const MAX_PEOPLE = 300;
let peopleChanged = false;
let roomsChanged = false;
let settingsChanged = false;
let menuOf = ''; // the member whose actions are shown
let summedUp = false;

function setHere(count) {
  here = count;
  peopleChanged = true;
  roomsChanged = true;
  wantFlush();
}

function setPeople(f) {
  // Where joins are summed up it is not known who of them is still there.
  if (summedUp || f.names.length + 1 >= f.here) people.clear();
  summedUp = false;
  for (const name of f.names) people.set(fold(name), name);
  people.delete(fold(me.name));
  setHere(f.here);
}

function drawPeople() {
  peopleChanged = false;
  $.count.textContent = T.here(here);
  if ($.side.hidden) return;
  people.delete(fold(me.name));
  const names = [...people.values()].sort(compare).slice(0, MAX_PEOPLE);
  const more = here - 1 - names.length;
  redraw($.peopleList, [
    { key: `@${me.name}`, make: selfItem, update: (node) => { node.lastChild.textContent = T.roles[roleOf(me.name)] ?? ''; } },
    ...names.map((name) => ({ key: name, make: () => personItem(name), update: (node) => updatePerson(node, name) })),
    ...(more > 0 ? [{ key: `+${more}`, make: () => el('li', 'quiet', T.more(more)) }] : []),
  ]);
}

function drawRooms() {
  roomsChanged = false;
  const all = [...followed.values()];
  const total = { unread: all.reduce((sum, room) => sum + room.unread, 0), isMentioned: all.some((room) => room.isMentioned), hasGap: all.some((room) => room.hasGap) };
  drawBadge($.unreadRooms, total);
  $.toggle.setAttribute('aria-label', [T.side, T.here(here), unreadText(total)].filter(Boolean).join(', '));
  if ($.side.hidden) return;
  redraw($.roomList, roomsShown().map((room) => ({ key: room.room, make: () => roomItem(room.room), update: (node) => updateRoom(node, room) })));
}

/** Changes in a list only what is not as wanted, so that nothing is taken from under a click or the focus. */
function redraw(list, items) {
  const keys = new Set(items.map((item) => item.key));
  const gone = [...list.children].filter((node) => !keys.has(node.dataset.item));
  const hadFocus = gone.some((node) => node.contains(document.activeElement));
  for (const node of gone) node.remove();
  const kept = new Map([...list.children].map((node) => [node.dataset.item, node]));
  items.forEach(({ key, make, update }, index) => {
    const node = kept.get(key) ?? make();
    node.dataset.item = key;
    update?.(node);
    if (list.children[index] !== node) list.insertBefore(node, list.children[index] ?? null);
  });
  if (hadFocus) (list.querySelector('button') ?? $.text).focus();
}

function selfItem() {
  const name = nameNode(me.name);
  name.textContent = T.you(me.name);
  delete name.dataset.who;
  return el('li', 'self', name, el('span', 'role'));
}

/** A button of a list; what it is about stands in its data. */
function listButton(data, className, ...children) {
  const button = el('button', className, ...children);
  button.type = 'button';
  Object.assign(button.dataset, data);
  return button;
}

function personItem(name) {
  const button = listButton({ key: name }, '', nameNode(name, hueInList(name)));
  button.title = T.whisperTo(name);
  const more = listButton({ menu: name }, 'menu', drawing('M5 10.500a1.500 1.500 0 1 0 0 3 1.500 1.500 0 1 0 0-3zM12 10.500a1.500 1.500 0 1 0 0 3 1.500 1.500 0 1 0 0-3zM19 10.500a1.500 1.500 0 1 0 0 3 1.500 1.500 0 1 0 0-3z'));
  more.setAttribute('aria-label', T.actsOn(name));
  more.title = T.actsOn(name);
  return el('li', 'person', button, hiddenFromReaders(el('span', 'role')), more, el('div', 'acts'));
}

function updatePerson(node, name) {
  const role = T.roles[roleOf(name)] ?? '';
  const state = [role, mayOperate(), menuOf === name, rulesOf(me.room).muted.has(fold(name)), me.room].join();
  if (node.dataset.state === state) return;
  node.dataset.state = state;
  const [button, mark, more, acts] = node.children;
  mark.textContent = role;
  button.setAttribute('aria-label', [T.whisperTo(name), role].filter(Boolean).join(', '));
  more.hidden = !mayOperate();
  const isOpen = !more.hidden && menuOf === name;
  more.setAttribute('aria-expanded', String(isOpen));
  acts.hidden = !isOpen;
  redraw(acts, isOpen ? actsOn(name).map((act) => ({ key: act, make: () => listButton({ act }, '', T.acts[act]) })) : []);
}

/** The commands that an operator may use on a member of the current room. */
function actsOn(name) {
  const role = roleOf(name);
  const isMuted = rulesOf(me.room).muted.has(fold(name));
  const speech = [role === 'voice' ? 'devoice' : role ? '' : 'voice', isMuted ? 'unmute' : 'mute'];
  if (isLobby()) return speech.filter(Boolean);
  return [role === 'op' ? 'deop' : 'op', ...speech, 'kick', 'ban'].filter(Boolean);
}

const isLobby = () => sameRoom(me.room, 'lobby');
