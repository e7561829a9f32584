// Passwords, and the account in the panel.

/** The password that the server asks for: of an account, or with the name `''` of the server; `given`: what was sent. */
let prompt = null; // null | { name, given, isKept }
let holdsName = false; // the nickname is not given by the page itself when it is asked for
/** Folded name of an account, or `''` for the server -> its password, to come back with as long as this page lives. */
const passwords = new Map();

/** The commands with a password. Their lines are not kept. */
const ACCOUNT_KINDS = { registered: 'register', password_changed: 'password', unregistered: 'unregister', logged_in: 'take' };
const hasPassword = (line) => Object.values(ACCOUNT_KINDS).includes(line.kind);
const isSecret = (line) => hasPassword(understand(line));
const lastWord = (line) => line.trim().split(/\s+/).at(-1);

/** The name to come back with. An account that has another nickname is asked for by its own name. */
function rememberName() {
  me.wanted = me.account || me.name;
  owner = me.name;
  for (const storage of ['localStorage', 'sessionStorage']) remember(storage, 'name', me.wanted);
  drawAccount();
}

/** The server has let the user in: the password that was given was right. */
function enteredAs(isAccount) {
  const taken = answered(['take']);
  const name = prompt?.name || (taken && understand(taken.line).text.trim().split(/\s+/)[0]);
  me.account = isAccount ? name ?? me.account : '';
  const given = prompt?.given || (taken && lastWord(taken.line));
  if (me.account && given) passwords.set(fold(me.account), given);
  endPrompt();
}

function endPrompt() {
  prompt = null;
  $.password.value = '';
}

function givePassword(given, isKept) {
  Object.assign(prompt, { given, isKept });
  socket.send(given);
  drawLogin();
}

/** Asks the user for the password. What is being typed stays when the connection comes back. */
function showPrompt(why) {
  if (why) $.password.value = '';
  setBanner('');
  loginMessage(why, Boolean(why));
  screen('login');
  focusFirst();
}

function refusedPassword(f, text) {
  const { name, given, isKept } = prompt;
  prompt.given = '';
  if (f.what !== 'wrong_password') {
    showPrompt(text);
    if (isKept) givePasswordLater(given, f.seconds);
    return;
  }
  passwords.delete(fold(name));
  if (f.asked) return showPrompt(text);
  endPrompt();
  holdsName = true;
  showPrompt(text);
}

/** A password that was right before is given again, unless the user gives another one. */
function givePasswordLater(given, seconds = 2 + Math.random() * 2) {
  const tried = prompt;
  nameTimer = setTimeout(() => {
    if (socket && prompt === tried && !prompt.given) givePassword(given, true);
  }, seconds * 1000);
}

function submitPassword() {
  const given = $.password.value;
  if (!given.trim()) return $.password.focus();
  $.password.value = '';
  clearTimeout(nameTimer);
  loginMessage('');
  if (phase === 'asked') return givePassword(given, false);
  // It is asked for again when the connection comes back.
  passwords.set(fold(prompt.name), given);
  if (phase === 'lost') connect();
}

/** In the panel: the offer to register, or what can be done with the account. */
function drawAccount() {
  $.account.hidden = !canFollow() || !(me.account || me.mayRegister);
  $.accountName.value = me.account || me.name;
  $.accountTitle.textContent = me.account ? T.accountOf(me.account) : T.registerName;
  $.oldPassword.parentNode.hidden = $.unregister.hidden = !me.account;
  $.newLabel.textContent = me.account ? T.newPassword : T.password;
  $.saveAccount.textContent = me.account ? T.changePassword : T.register;
  $.unregister.textContent = T.unregister;
}

const ACCOUNT_FIELDS = [$.oldPassword, $.newPassword, $.repeatPassword];

function accountMessage(text, field) {
  $.accountWhy.textContent = text;
  field?.focus();
}

function emptyAccountForm() {
  for (const field of ACCOUNT_FIELDS) field.value = '';
  accountMessage('');
}

function sendAccount(line) {
  emptyAccountForm();
  transmit(line);
}

/** The server has done what was asked for. */
function endAccountForm(byUser) {
  drawAccount();
  accountMessage('');
  if (!byUser) return;
  const hadFocus = $.account.contains(document.activeElement);
  $.account.open = false;
  if (hadFocus && sideShown()) $.accountTitle.focus();
}

/** A command with a password was refused: `true` if the form says it, or there is nothing to say. */
function refusedAccount(f, asked, text) {
  if (asked.silent && f.what === 'usage') return true;
  if (f.what === 'no_accounts' || f.what === 'no_command') me.mayRegister = false;
  drawAccount();
  if (!sideShown() || $.account.hidden || !$.account.open) return false;
  accountMessage(text, ACCOUNT_FIELDS.find((field) => !field.parentNode.hidden));
  return true;
}

/** The most bytes of a password. */
const MAX_PASSWORD = 1024;

/** Whether the shown fields have what can be a password; says so if not. */
function isFilled(fields) {
  const bad = fields.find(({ value }) => !value || /\s/.test(value) || bytes(value) > MAX_PASSWORD);
  if (bad) accountMessage(T.refused.bad_password({ most: MAX_PASSWORD }), bad);
  else if (phase !== 'here') accountMessage(T.kept);
  return !bad && phase === 'here';
}

$.accountForm.addEventListener('submit', (event) => {
  event.preventDefault();
  const [old, fresh, again] = ACCOUNT_FIELDS.map((field) => field.value);
  if (!isFilled(ACCOUNT_FIELDS.filter((field) => !field.parentNode.hidden))) return;
  if (fresh !== again) return accountMessage(T.notRepeated, $.repeatPassword);
  sendAccount(me.account ? `/password ${old} ${fresh}` : `/register ${fresh}`);
});
$.accountForm.addEventListener('input', drawAccount);
$.unregister.addEventListener('click', () => {
  if (!isFilled([$.oldPassword])) return;
  if ($.unregister.textContent !== T.sure) {
    $.unregister.textContent = T.sure;
    return announce(T.sure);
  }
  sendAccount(`/unregister ${$.oldPassword.value}`);
});
// A server that has no accounts says so before a password is typed.
$.account.addEventListener('toggle', () => { if ($.account.open && phase === 'here' && !me.account) ask('/register'); });
