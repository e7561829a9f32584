// The two panels: rooms at the left, people or results of a search at the right; and the bar of a room that is only looked at.

const sideShown = () => !$.side.hidden;
const membersShown = () => !$.members.hidden;
const panels = [[$.side, $.toggle, 'side'], [$.members, $.toggleMembers, 'members']];

/** On a narrow screen a panel lies over the room, which cannot be reached meanwhile. */
function showPanel(panel, isShown, byHand = true) {
  const [, button, key] = panels.find(([each]) => each === panel);
  panel.hidden = !isShown;
  button.setAttribute('aria-expanded', String(isShown));
  const over = !wide.matches && (sideShown() || membersShown());
  for (const node of [$.room.querySelector('header'), $.middle, $.unsaid, $.keyForm, $.joinBar, $.write, $.banner]) node.inert = over;
  $.sideWhy.textContent = '';
  drawPeople();
  drawRooms();
  if (!byHand) return;
  if (wide.matches) remember('localStorage', key, isShown ? '' : 'hidden');
  if (isShown) askAround();
  if (over) panel.querySelector('.close').focus();
  else if (!isShown) button.focus();
}

function closePanels() {
  for (const [panel] of panels) if (!panel.hidden) showPanel(panel, false, false);
}

function fitPanels() {
  for (const [panel, , key] of panels) showPanel(panel, wide.matches && recall('localStorage', key) !== 'hidden', false);
}

for (const [panel, button] of panels) {
  button.addEventListener('click', () => {
    if (panel === $.members) showSearch(false);
    showPanel(panel, panel.hidden);
  });
  panel.querySelector('.close').addEventListener('click', () => showPanel(panel, false));
}
$.veil.addEventListener('click', () => { for (const [panel] of panels) if (!panel.hidden) showPanel(panel, false); });
wide.addEventListener('change', fitPanels);
$.refresh.addEventListener('click', askAround);
$.join.addEventListener('submit', (event) => {
  event.preventDefault();
  goTo($.joinRoom.value.trim().replace(/^#/, ''));
  $.joinRoom.value = '';
});
$.log.addEventListener('click', (event) => {
  const name = event.target.closest('.name')?.dataset.who;
  const invitation = event.target.closest('[data-join]');
  if (invitation) enterRoom(invitation.dataset.join);
  else if (name && getSelection().isCollapsed) openCard(name);
  else if (!$.tools.contains(event.target)) offerTools(event.target.closest('.line'));
});
$.help.addEventListener('click', () => { if (!wide.matches) closePanels(); if (phase === 'here') transmit('/help'); goToEnd(); });
$.quit.addEventListener('click', () => {
  if (phase === 'here') transmit('/quit');
  else { drop(); goOut(T.goodbye); }
});

/** Nothing lies over the view that is shown next. */
function closeMenus() {
  $.tools.remove();
  if ($.card.open) $.card.close();
}

// ---- The list of rooms is renewed while the user does something ----------------------------------------

const RENEWAL = 15_000; // milliseconds
let renewedAt = 0;

/** Only what the user does asks for the list, so that an unattended page counts as idle for the server. */
function renewRooms() {
  const now = performance.now();
  if (phase !== 'here' || !sideShown() || now - renewedAt < RENEWAL) return;
  renewedAt = now;
  ask('/rooms');
}
for (const kind of ['pointermove', 'pointerdown', 'keydown', 'focus']) window.addEventListener(kind, renewRooms, { passive: true });

// ---- A room that is only looked at ---------------------------------------------------------------------

/** In place of the message field: the offer to enter. */
function drawJoinBar() {
  const isLook = shown.isRoom && !shown.isMember && beenIn && phase === 'here';
  const hadFocus = [$.write, $.joinBar].some((bar) => bar.contains(document.activeElement));
  $.joinBar.hidden = !isLook;
  $.write.hidden = isLook;
  if (isLook) {
    $.looking.textContent = shown.refusal || T.looking(shown.name);
    $.joinShown.textContent = T.enterRoom(shown.name);
  }
  if (hadFocus) focusFirst();
}
$.joinShown.addEventListener('click', () => enterRoom(shown.name));

// ---- Where the focus goes ------------------------------------------------------------------------------

// After a click that chooses no text one can go on writing. On a phone this would open the keyboard.
$.room.addEventListener('click', ({ target, detail }) => {
  if (!hasKeyboard.matches || detail === 0 || !getSelection().isCollapsed || $.room.inert) return;
  if (!target.closest('input, textarea, select, label, details, form:not(#write), #tools, a') && !document.querySelector('dialog[open]')) focusFirst();
});
