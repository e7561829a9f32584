// The keys of rooms, and the form that asks for one.

const keys = new Map(); // folded name of the room -> the key that the user has given, as long as this page lives
const reentering = new Set(); // folded names of rooms that wanted their key again when the connection came back
let afterLogin = []; // lines for that

/** The room that a line is to enter, and the key in it. */
function entryOf(line) {
  const [room, ...key] = line.text.trim().replace(/^#/, '').split(/\s+/);
  return { room, key: key.join(' ') };
}

const withKey = (room) => [room, keys.get(fold(room))].filter(Boolean).join(' ');
const enters = (line, room) => ['join', 'follow'].includes(line.kind) && sameRoom(entryOf(line).room, room);

function keepKey(room, asked) {
  const key = asked && entryOf(asked).key;
  if (key) keys.set(fold(room), key);
  if (!$.keyForm.hidden && sameRoom(room, $.keyForm.dataset.room)) endKey();
}

/** A room that the user was in wants its key again after the connection was lost: `true` if it is known. */
function giveKeyAgain(f) {
  const view = findRoom(f.room);
  const isComing = phase !== 'here' || (view?.isMember && !view.isConfirmed);
  if (f.what !== 'wrong_key' || !isComing || !keys.has(fold(f.room)) || pending.some((line) => enters(line, f.room))) return false;
  reentering.add(fold(f.room));
  const line = `/${isMember(f.room) && !sameRoom(f.room, me.room) ? 'follow' : 'join'} ${withKey(f.room)}`;
  if (phase === 'here') ask(line);
  else afterLogin.push(line);
  return true;
}

function askKey(room, command, wrong) {
  Object.assign($.keyForm.dataset, { room, command });
  $.keyLabel.textContent = T.keyAsked(room, wrong);
  $.key.value = '';
  $.keyForm.hidden = false;
  announce($.keyLabel.textContent);
}

function endKey() {
  const hadFocus = $.keyForm.contains(document.activeElement);
  $.keyForm.hidden = true;
  if (hadFocus) focusFirst();
}

$.keyForm.addEventListener('submit', (event) => {
  event.preventDefault();
  const key = $.key.value.trim();
  if (phase !== 'here' || !key) return $.key.focus();
  const { command, room: name } = $.keyForm.dataset;
  transmit(`/${command} ${name} ${key}`, { opens: true });
});
$.keyForm.addEventListener('keydown', (event) => { if (event.key === 'Escape') endKey(); });
$.keyCancel.addEventListener('click', endKey);
