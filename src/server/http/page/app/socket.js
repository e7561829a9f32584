// The WebSocket: how it is opened, lost and opened again, and the banner that says so.

let attempts = 0;
let retryTimer = 0;
let retryAt = 0;
let settledTimer = 0;
let nameTimer = 0;
let lastFrame = 0;
let resumed = false; // this connection goes on from another
let askedAfter = 0; // the message after which the server was asked to go on; 0: no such message

function connect() {
  clearTimeout(retryTimer);
  clearTimeout(nameTimer);
  phase = 'connecting';
  parting = null;
  holdsName = false;
  resumed = beenIn;
  drawBanner();
  const url = new URL('ws', location.href);
  url.protocol = url.protocol.replace('http', 'ws');
  url.hash = '';
  askedAfter = me.run && home()?.isMember ? newestSeen() : 0;
  for (const view of memberRooms()) view.isConfirmed = false;
  const follow = followedRooms().map(({ name }) => name).join();
  const wanted = { room: me.room, ...(follow && { follow }), ...(askedAfter && { run: me.run, after: askedAfter }) };
  url.search = new URLSearchParams(wanted).toString().replaceAll('%2C', ',');
  const mine = socket = new WebSocket(url, 'chinwag.v1');
  let opened = false;
  mine.onopen = () => { opened = true; lastFrame = performance.now(); };
  mine.onmessage = (event) => { if (socket === mine) handleFrame(event.data); };
  mine.onclose = () => { if (socket === mine) closed(opened); };
}

/** Gives a connection up without waiting for a peer that may be gone. */
function drop() {
  const old = socket;
  socket = null;
  old?.close();
}

function closed(opened) {
  const wasAsked = phase === 'asked' && !prompt && !returning();
  socket = null;
  // What has come of a history is asked for again.
  for (const view of views.values()) if (view.isRoom) view.history = null;
  for (const view of views.values()) view.segment.isLoading = view.live.isLoading = false;
  if (search) search.isWaiting = false;
  answering = null;
  reentering.clear();
  afterLogin = [];
  clearTimeout(settledTimer);
  clearTimeout(nameTimer);
  doubt();
  if (parting !== null) return goOut(parting);
  if (wasAsked) return goOut($.why.textContent);
  phase = 'lost';
  drawJoinBar();
  // Full jitter above a half, so that the many who lost one server do not come back as one.
  const most = Math.min(30, 2 ** attempts);
  attempts += 1;
  const delay = most * (0.5 + Math.random() / 2) * 1000;
  if (!bannerText) setBanner(opened || beenIn ? T.lost : T.noServer);
  retryAt = Date.now() + delay;
  retryTimer = setTimeout(connect, delay);
  drawBanner();
  if (!$.waiting.hidden) screen(beenIn ? 'room' : 'login');
}

/** Disconnects, and stays so until the user reconnects. */
function goOut(text) {
  const wasPrompted = prompt !== null;
  phase = 'out';
  beenIn = false;
  me.name = me.account = '';
  endPrompt();
  emptyAccountForm();
  $.account.open = false;
  passwords.clear();
  attempts = 0;
  parting = null;
  clearTimeout(retryTimer);
  remember('sessionStorage', 'name', '');
  for (const view of memberRooms()) leave(view);
  remember('sessionStorage', 'views', '');
  // Another person may use this screen next.
  if (text === T.goodbye) forgetAll();
  setBanner('');
  screen('login');
  loginMessage(text);
  if (wasPrompted) focusFirst();
}

/** Looks whether the server is still there, where there is reason for doubt; the answer is not shown. */
function probe() {
  if (phase === 'lost') return connect();
  if (phase !== 'here') return;
  if (!pending.some((line) => line.kind === 'ping')) ask('/ping');
}

/** A line that is sent is answered; if nothing at all comes for so long, the connection is dead. */
const PATIENCE = 15000;
let lastTick = Date.now();
setInterval(() => {
  if (phase === 'lost') drawBanner();
  // The machine slept: the connection may have ended meanwhile without notice.
  if (Date.now() - lastTick > PATIENCE && !document.hidden) probe();
  lastTick = Date.now();
  const unanswered = pending.find((line) => ANSWERED.has(line.kind));
  const now = performance.now();
  if (!unanswered || !socket || now - unanswered.at < PATIENCE || now - lastFrame < PATIENCE) return;
  drop();
  closed(true);
}, 1000);

let bannerText = '';
function setBanner(text) {
  if (text && text !== bannerText) announce(text);
  bannerText = text;
  drawBanner();
}

function drawBanner() {
  const trying = phase === 'lost' || (phase === 'connecting' && bannerText);
  const shown = Boolean(bannerText) && phase !== 'out';
  const hadFocus = document.activeElement === $.now;
  $.banner.hidden = !shown;
  if (shown) {
    $.lost.textContent = bannerText;
    const seconds = Math.max(0, Math.ceil((retryAt - Date.now()) / 1000));
    $.until.textContent = phase === 'lost' ? T.retryIn(seconds) : trying ? T.connecting : '';
    $.now.hidden = phase !== 'lost';
  }
  if (hadFocus && ($.banner.hidden || $.now.hidden)) focusFirst();
  $.send.setAttribute('aria-disabled', String(phase !== 'here'));
}

$.now.addEventListener('click', () => connect());
window.addEventListener('online', probe);
document.addEventListener('visibilitychange', () => {
  if (cancelFlush) flush();
  setFocused(!document.hidden && document.hasFocus());
  if (!document.hidden) probe();
});
