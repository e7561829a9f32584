// The list of rooms in the panel.

/** The rooms as the server listed them last, with what is known better by now; those that the user follows stand above. */
function roomsShown() {
  const shown = new Map(rooms.map(([room, count, topic]) => [fold(room), { room, here: count, topic }]));
  for (const [key, room] of followed) shown.set(key, room);
  shown.set(fold(me.room), { room: me.room, here, topic: $.topic.textContent });
  // The current room stays with them, so that going from one to another moves none.
  const isAbove = ({ room }) => followed.has(fold(room)) || (followed.size > 0 && sameRoom(room, me.room));
  return [...shown.values()].sort((a, b) => isAbove(b) - isAbove(a) || (b.room === 'lobby') - (a.room === 'lobby') || compare(a.room, b.room));
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

/** A star; filled where the user follows the room. */
const starNode = () => drawing('m12 3.500 2.600 5.600 6.100.7-4.500 4.200 1.200 6L12 17l-5.400 3 1.200-6-4.500-4.200 6.100-.7z');

function roomItem(room) {
  const label = el('span', 'label', el('bdi', '', room), hiddenFromReaders(el('bdi', 'topic quiet')));
  const button = listButton({ key: room }, '', label, el('span', 'unseen'), hiddenFromReaders(el('span', 'badge')), hiddenFromReaders(el('span', 'quiet number')));
  const follow = listButton({ follow: room }, 'follow', starNode());
  return el('li', 'room-item', button, follow);
}

function updateRoom(node, known) {
  const { room, here: count, topic } = known;
  const [button, follow] = node.children;
  button.title = button.querySelector('.topic').textContent = topic ?? '';
  button.querySelector('.unseen').textContent = [T.here(count), unreadText(known)].filter(Boolean).join(', ');
  button.querySelector('.number').textContent = count;
  drawBadge(button.querySelector('.badge'), known);
  const current = sameRoom(room, me.room);
  if (current) button.setAttribute('aria-current', 'true');
  else button.removeAttribute('aria-current');
  const isFollowed = followed.has(fold(room));
  follow.hidden = !canFollow();
  // The place stays, so that the numbers stand below each other.
  follow.classList.toggle('away', current);
  follow.classList.toggle('on', isFollowed);
  follow.title = (isFollowed ? T.unfollow : T.follow)(room);
  follow.setAttribute('aria-label', follow.title);
}

const unreadCount = ({ unread: n = 0, hasGap }) => `${n}${hasGap ? '+' : ''}`;
const unreadText = (room) => room.unread > 0 ? T.unreadIn(unreadCount(room), room.isMentioned) : '';

function drawBadge(badge, room) {
  badge.hidden = !(room.unread > 0);
  badge.textContent = `${room.isMentioned ? '@' : ''}${unreadCount(room)}`;
  badge.classList.toggle('mentioned', Boolean(room.isMentioned));
}

function toggleFollow(room) {
  if (phase === 'here') transmit(followed.has(fold(room)) ? `/unfollow ${room}` : `/follow ${withKey(room)}`);
}
