// Who is in a room, their roles, and the list of people.

const MAX_PEOPLE = 300;
let peopleChanged = false;
let settingsChanged = false;

// ---- What is known of a room ---------------------------------------------------------------------------

const SETTINGS = [...document.querySelectorAll('[data-setting]')].map((control) => control.dataset.setting);

/** Asks for what the server does not tell by itself on entering. */
function askRules(view) {
  if (!canFollow()) return;
  Object.assign(view, { settings: {}, roles: new Map(), muted: new Set() });
  ask(`/room #${view.name}`);
}

function rulesChanged() {
  peopleChanged = true;
  settingsChanged = true;
  wantFlush();
}

const roleOf = (name, view = shown) => (name === me.name && me.role) || view.roles?.get(fold(name));
/** Whether the user may do in a room what its operators may. */
const mayOperate = (view = shown) => canFollow() && view.isRoom && (Boolean(me.role) || (view.isMember && roleOf(me.name, view) === 'op'));

function setRole(view, name, role) {
  if (role) view.roles.set(fold(name), role);
  else view.roles.delete(fold(name));
  rulesChanged();
}

const settingText = (name, value) => value ? [T.settingNames[name], value].filter((part) => part !== true).join(' ') : T.off(T.settingNames[name]);

function setHere(view, count) {
  view.here = count;
  peopleChanged = roomsChanged = true;
  wantFlush();
}

function setPeople(view, f) {
  // Where joins are summed up it is not known who of them is still there.
  if (view.isSummed || f.names.length + 1 >= f.here) view.people.clear();
  view.isSummed = false;
  for (const name of f.names) view.people.set(fold(name), name);
  view.people.delete(fold(me.name));
  for (const name of view.people.keys()) view.away.delete(name);
  for (const name of f.away ?? []) view.away.set(fold(name), view.away.get(fold(name)) ?? '');
  setHere(view, f.here);
}

function renamePerson(view, f) {
  for (const map of [view.people, view.roles, view.away]) {
    const value = map.get(fold(f.old));
    if (value === undefined) continue;
    map.delete(fold(f.old));
    map.set(fold(f.new), map === view.people ? f.new : value);
  }
  rulesChanged();
}

// ---- The list ------------------------------------------------------------------------------------------

function drawPeople() {
  peopleChanged = false;
  $.count.textContent = shown.isRoom ? T.here(shown.here) : '';
  $.toggleMembers.hidden = !shown.isRoom;
  $.toggleMembers.setAttribute('aria-label', [T.people, shown.isRoom ? T.here(shown.here) : ''].join(', '));
  $.members.classList.toggle('empty', !shown.isRoom && $.search.hidden);
  if (!membersShown() || !shown.isRoom) return;
  const names = [...shown.people.values()].filter((name) => name !== me.name).sort(compare).slice(0, MAX_PEOPLE);
  const isHere = shown.isMember;
  const more = shown.here - Number(isHere) - names.length;
  redraw($.peopleList, [
    ...(isHere ? [{ key: `@${me.name}`, make: selfItem, update: (node) => { node.lastChild.textContent = T.roles[roleOf(me.name)] ?? ''; } }] : []),
    ...names.map((name) => ({ key: name, make: () => personItem(name), update: (node) => updatePerson(node, name) })),
    ...(more > 0 ? [{ key: `+${more}`, make: () => el('li', 'quiet', T.more(more)) }] : []),
  ]);
}

function selfItem() {
  const name = nameNode(me.name);
  name.textContent = T.you(me.name);
  delete name.dataset.who;
  return el('li', 'self', name, el('span', 'role'));
}

function personItem(name) {
  const button = listButton({ key: name }, '', nameNode(name, hueInList(name)), el('span', 'role'));
  return el('li', 'person', button);
}

function updatePerson(node, name) {
  const isAway = shown.away.has(fold(name));
  const marks = [T.roles[roleOf(name)], isAway && T.awayMark, shown.muted.has(fold(name)) && T.mutedMark].filter(Boolean);
  const state = marks.join();
  if (node.dataset.state === state) return;
  node.dataset.state = state;
  const [button] = node.children;
  button.lastChild.textContent = marks.length > 0 ? ` ${marks.join(T.comma)}` : '';
  button.classList.toggle('is-away', isAway);
}

$.peopleList.addEventListener('click', ({ target }) => {
  const { key } = target.closest('button')?.dataset ?? {};
  if (key) openCard(key);
});
