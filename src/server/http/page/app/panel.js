// The panel at the side: how it opens and closes, and what its buttons do.

/** Begins a whisper; what was being written goes with it. */
function whisperTo(name) {
  if (name === me.name) return $.text.focus();
  if (!wide.matches) showSide(false);
  setDraft(`@${name} ${$.text.value.replace(/^@(?!@)\S+ ?/, '')}`);
}

function goTo(room) {
  if (phase !== 'here' || !room || fold(room) === fold(me.room)) return;
  transmit(`/join ${withKey(room)}`);
  if (!wide.matches) showSide(false);
}

const sideShown = () => !$.side.hidden;

/** On a narrow screen the panel lies over the room, which cannot be reached meanwhile. */
function showSide(shown, byHand = true) {
  $.side.hidden = !shown;
  $.toggle.setAttribute('aria-expanded', String(shown));
  const over = shown && !wide.matches;
  for (const node of [$.room.querySelector('header'), $.middle, $.unsaid, $.keyForm, $.write, $.banner]) node.inert = over;
  $.sideWhy.textContent = '';
  if (shown) { drawPeople(); drawRooms(); }
  if (!byHand) return;
  if (wide.matches) remember('localStorage', 'side', shown ? '' : 'hidden');
  if (shown) askAround();
  if (over) $.close.focus();
  else if (!shown) $.toggle.focus();
}

$.toggle.addEventListener('click', () => showSide(!sideShown()));
$.close.addEventListener('click', () => showSide(false));
$.veil.addEventListener('click', () => showSide(false));
wide.addEventListener('change', () => showSide(wide.matches && recall('localStorage', 'side') !== 'hidden', false));
$.refresh.addEventListener('click', askAround);
$.roomList.addEventListener('click', (event) => {
  const { key, follow } = event.target.closest('button')?.dataset ?? {};
  if (follow) toggleFollow(follow);
  else goTo(key);
});
$.peopleList.addEventListener('click', (event) => {
  const { key, menu, act } = event.target.closest('button')?.dataset ?? {};
  if (key) whisperTo(key);
  if (act) sendFromSide(`/${act} #${me.room} ${menuOf}`);
  if (!menu) return;
  menuOf = menuOf === menu ? '' : menu;
  drawPeople();
});
$.join.addEventListener('submit', (event) => {
  event.preventDefault();
  goTo($.joinRoom.value.trim());
  $.joinRoom.value = '';
});
$.log.addEventListener('click', (event) => {
  const name = event.target.closest('.name')?.dataset.who;
  const invitation = event.target.closest('[data-join]');
  if (invitation) goTo(invitation.dataset.join);
  else if (name && getSelection().isCollapsed) whisperTo(name);
  else if (!$.delete.contains(event.target)) offerDelete(event.target.closest('.line'));
});
$.help.addEventListener('click', () => { if (!wide.matches) showSide(false); if (phase === 'here') transmit('/help'); toEnd(); });
$.quit.addEventListener('click', () => {
  if (phase === 'here') transmit('/quit');
  else { drop(); goOut(T.goodbye); }
});
