// Lists of the panels: their drawing, and the list of rooms and conversations.

const MAX_ROOMS = 200; // that are listed although the user is not in them
let roomsChanged = false;

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

/** A button of a list; what it is about stands in its data. */
function listButton(data, className, ...children) {
  const button = el('button', className, ...children);
  button.type = 'button';
  Object.assign(button.dataset, data);
  return button;
}

function hiddenFromReaders(node) {
  node.setAttribute('aria-hidden', 'true');
  return node;
}

function drawing(outline) {
  const [svg, path] = ['svg', 'path'].map((tag) => document.createElementNS('http://www.w3.org/2000/svg', tag));
  svg.setAttribute('viewBox', '0 0 24 24');
  path.setAttribute('d', outline);
  svg.append(path);
  return hiddenFromReaders(svg);
}

// ---- Rooms and conversations ---------------------------------------------------------------------------

const byName = (one, other) => isLobby(other) - isLobby(one) || compare(one.name, other.name);

function drawRooms() {
  roomsChanged = false;
  const others = [...views.values()].filter((view) => view !== shown);
  const total = others.reduce((sum, view) => ({
    unread: sum.unread + (levelOf(view) === 'none' ? 0 : view.unread), mentions: sum.mentions + (view.isRoom ? view.mentions : view.unread), hasGap: sum.hasGap || view.hasGap,
  }), { unread: 0, mentions: 0, hasGap: false });
  drawBadge($.unreadRooms, total);
  $.toggle.setAttribute('aria-label', [T.side, unreadText(total)].filter(Boolean).join(', '));
  if (!sideShown()) return;
  const mine = memberRooms().sort(byName);
  const talks = [...views.values()].filter((view) => !view.isRoom).sort(byName);
  redraw($.roomList, mine.map(viewItem));
  redraw($.talkList, talks.map(viewItem));
  $.talks.hidden = talks.length === 0;
  drawOtherRooms();
}

/** The rooms that the user is not in. */
function drawOtherRooms() {
  const listed = rooms.filter(([name]) => !isMember(name)).sort(([a], [b]) => (fold(b) === 'lobby') - (fold(a) === 'lobby') || compare(a, b));
  const more = moreRooms + Math.max(0, listed.length - MAX_ROOMS);
  redraw($.otherList, [
    ...listed.slice(0, MAX_ROOMS).map(([name, here, topic]) => ({ key: name, make: () => otherItem(name), update: (node) => updateOther(node, here, topic) })),
    ...(more > 0 ? [{ key: `+${more}`, make: () => el('li', 'quiet', T.more(more)) }] : []),
  ]);
  $.others.hidden = listed.length === 0;
}

const viewItem = (view) => ({ key: view.key, make: () => itemOfView(view), update: (node) => updateView(node, view) });

function itemOfView(view) {
  const button = listButton({ key: view.isRoom ? view.name : `@${view.name}` }, '', el('bdi', 'label', view.name), el('span', 'unseen'), hiddenFromReaders(el('span', 'badge')));
  const close = listButton({ leave: view.key }, 'leave', drawing('M6 6l12 12M18 6 6 18'));
  return el('li', 'room-item', button, close);
}

function updateView(node, view) {
  const [button, close] = node.children;
  button.firstChild.textContent = view.name;
  button.title = view.isRoom ? view.topic : '';
  button.querySelector('.unseen').textContent = unreadText(view);
  drawBadge(button.querySelector('.badge'), view);
  button.classList.toggle('has-news', view.unread > 0 && levelOf(view) !== 'none');
  if (view === shown) button.setAttribute('aria-current', 'true');
  else button.removeAttribute('aria-current');
  close.title = view.isRoom ? T.leaveRoom(view.name) : T.closeTalk(view.name);
  close.setAttribute('aria-label', close.title);
  // A user who is in no other room stays in the lobby.
  close.hidden = isLobby(view) && memberRooms().length < 2;
}

function otherItem(name) {
  const label = el('span', 'label', el('bdi', '', name), el('bdi', 'topic quiet'));
  return el('li', 'room-item', listButton({ key: name }, '', label, el('span', 'quiet here')));
}

function updateOther(node, here, topic) {
  const [button] = node.children;
  button.title = button.querySelector('.topic').textContent = topic ?? '';
  button.querySelector('.here').textContent = T.here(here);
  if (shown.isRoom && sameRoom(shown.name, button.dataset.key)) button.setAttribute('aria-current', 'true');
  else button.removeAttribute('aria-current');
}

const unreadCount = ({ unread, hasGap }) => `${unread}${hasGap ? '+' : ''}`;
const unreadText = (view) => view.unread > 0 ? T.unreadIn(unreadCount(view), view.mentions > 0) : '';

function drawBadge(badge, view) {
  const isMentioned = view.mentions > 0 || view.isRoom === false;
  badge.hidden = !(view.unread > 0);
  badge.textContent = `${view.mentions > 0 ? '@' : ''}${unreadCount(view)}`;
  badge.classList.toggle('mentioned', isMentioned);
}

// ---- What the buttons of the list do -------------------------------------------------------------------

/** Shows a room: one that the user is in, or a look at another one. */
function goTo(name) {
  if (!name) return;
  const view = findRoom(name);
  if (view?.isMember) showView(view);
  else if (phase !== 'here') return;
  else if (!canFollow()) transmit(`/join ${withKey(name)}`);
  else if (rooms.some(([each]) => sameRoom(each, name))) preview(name);
  else enterRoom(name);
  if (!wide.matches) closePanels();
}

/** Becomes a member of a room, and stays in the others. */
function enterRoom(name) {
  if (phase === 'here') transmit(`/${canFollow() ? 'follow' : 'join'} ${withKey(name)}`, { opens: true, from: shown });
}

/** Leaves a room or closes a conversation. */
function leaveView(view) {
  if (!view.isRoom) {
    views.delete(view.key);
    if (view === shown) showHome();
    roomsChanged = titleChanged = true;
    saveSoon();
    wantFlush();
  } else if (phase !== 'here') return;
  else if (!isHome(view)) transmit(`/unfollow ${view.name}`);
  else if (followedRooms().length > 0) transmit(`/join ${withKey(followedRooms()[0].name)}`);
  else transmit('/leave');
}

function chooseView({ target }) {
  const { key, leave: left } = target.closest('button')?.dataset ?? {};
  if (left) return leaveView(views.get(left));
  if (!key) return;
  if (key.startsWith('@')) openTalk(key.slice(1));
  else goTo(key);
  if (wide.matches) focusFirst();
}
for (const list of [$.roomList, $.talkList, $.otherList]) list.addEventListener('click', chooseView);
