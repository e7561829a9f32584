// Which screen is shown, the form of the login, and the room in the address.

// ---- The room in the address ---------------------------------------------------------------------------

function roomOfAddress() {
  try { return decodeURIComponent(location.hash.slice(1)); } catch { return ''; }
}

/** A room that one has been in is a step back; the address that one came with is not. */
function setAddress(room) {
  if (roomOfAddress() === room) return;
  const [state, title, address] = [null, '', `#${encodeURIComponent(room)}`];
  if (beenIn) history.pushState(state, title, address);
  else history.replaceState(state, title, address);
}

window.addEventListener('hashchange', () => {
  const room = roomOfAddress() || 'lobby';
  if (phase === 'here') return goTo(room);
  if (beenIn) return setAddress(me.room);
  me.room = room;
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
  else if (!$.room.hidden) hasKeyboard.matches ? $.text.focus() : $.log.focus({ focusVisible: false });
  else $.leaveLine.focus();
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
  // Somebody may be typing another one already.
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
