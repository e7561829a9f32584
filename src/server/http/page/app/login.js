// Which screen is shown, the form of the login, and the room in the address.

// ---- The room in the address ---------------------------------------------------------------------------

/** The name of a room, or that of a person after `@`. */
function viewOfAddress() {
  try { return decodeURIComponent(location.hash.slice(1)); } catch { return ''; }
}
function roomOfAddress() {
  return viewOfAddress().startsWith('@') ? '' : viewOfAddress();
}

/** Shows what the address names. */
function goToAddress() {
  const name = viewOfAddress() || 'lobby';
  if (name.startsWith('@')) openTalk(name.slice(1));
  else if (isMember(name)) showView(findRoom(name));
  else if (canFollow()) preview(name);
  else goTo(name);
}

/** What was on the screen before is a step back; the address that one came with is not. */
function setAddress(view) {
  const name = `${view.isRoom ? '' : '@'}${view.name}`;
  if (viewOfAddress() === name) return;
  const [state, title, address] = [null, '', `#${encodeURIComponent(name)}`];
  if (beenIn) history.pushState(state, title, address);
  else history.replaceState(state, title, address);
}

window.addEventListener('hashchange', () => {
  if (beenIn) return goToAddress();
  me.room = roomOfAddress() || 'lobby';
  drawLogin();
});

// ---- Screens, login, line ------------------------------------------------------------------------------

function screen(name) {
  const changed = $[name].hidden;
  for (const each of ['login', 'waiting', 'room']) $[each].hidden = each !== name;
  retitle();
  if (name === 'login') drawLogin();
  if (changed) focusFirst();
}

function focusFirst() {
  if (!$.login.hidden) { loginField().focus(); if (!prompt) $.nickname.select(); }
  // The keyboard of a phone comes up when asked for, not by itself.
  else if ($.room.hidden) $.leaveLine.focus();
  else if (!$.joinBar.hidden) $.joinShown.focus();
  else if (hasKeyboard.matches) $.text.focus();
  else $.log.focus({ focusVisible: false });
}

const loginField = () => prompt ? $.password : $.nickname;

function drawLogin() {
  $.where.textContent = T.where(me.room);
  $.asks.textContent = prompt ? T.passwordOf(prompt.name) : T.nickname;
  $.asks.htmlFor = loginField().id;
  $.nickname.hidden = Boolean(prompt);
  $.password.hidden = !prompt;
  $.otherName.hidden = !prompt?.name;
  const waits = prompt ? prompt.given : ['connecting', 'asked'].includes(phase);
  $.go.textContent = waits && !$.why.textContent ? T.entering : T.enter;
}

function loginMessage(text, wrong = false) {
  $.why.textContent = text;
  $.why.classList.toggle('wrong', wrong);
  for (const field of [$.nickname, $.password]) field.removeAttribute('aria-invalid');
  if (wrong) loginField().setAttribute('aria-invalid', 'true');
  drawLogin();
}

/** A name is refused. One that was mine a moment ago may be held by my own lost connection: that passes. */
function refusedName(f, text) {
  const passes = f.what === 'taken' && returning();
  // The user may be typing another one already.
  if ($.login.hidden) $.nickname.value = me.wanted;
  loginMessage(passes ? T.stillTaken(me.wanted) : text, !passes);
  screen('login');
  if (!passes) return focusFirst();
  const tries = socket;
  nameTimer = setTimeout(() => {
    if (socket === tries && phase === 'asked' && $.nickname.value === me.wanted) socket.send(me.wanted);
  }, 2000 + Math.random() * 2000);
}
const returning = () => me.name !== '' && [me.name, me.account].some((name) => fold(name) === fold(me.wanted));

$.enter.addEventListener('submit', (event) => {
  event.preventDefault();
  if (prompt) return submitPassword();
  const name = $.nickname.value.trim();
  if (!name) return $.nickname.focus();
  me.wanted = name;
  clearTimeout(nameTimer);
  loginMessage('');
  if (phase === 'asked') socket.send(name);
  else if (phase === 'out' || phase === 'lost') connect();
  drawLogin();
});
for (const button of [$.leaveLine, $.otherName]) button.addEventListener('click', () => { drop(); goOut(''); });
