// How the user learns of new messages: by a screen reader, the title, the icon and notifications.

// ---- Screen readers ------------------------------------------------------------------------------------

let quietTimer = 0;
let unheard = 0;
let pace = { lines: 0, at: 0 };

/** Whether lines come faster than they could be read out: six at once, two a second. */
function tooMany(lines) {
  const now = performance.now();
  pace = { lines: Math.max(0, pace.lines - (now - pace.at) / 500) + lines, at: now };
  return pace.lines > 6 || quietTimer !== 0;
}

/** Many lines at once are counted, not read out. */
function quieten(count = 0) {
  $.log.setAttribute('aria-live', 'off');
  unheard += count;
  if (quietTimer) return;
  quietTimer = setTimeout(() => {
    quietTimer = 0;
    pace.lines = 0;
    $.log.removeAttribute('aria-live');
    if (unheard > 0) announce(T.heard(unheard));
    unheard = 0;
  }, 2000);
}

function announce(text) {
  $.status.textContent = '';
  // A text that is the same as before is read only if it is new to the document.
  requestAnimationFrame(() => { $.status.textContent = text; });
}

// ---- Unread, title, notifications ----------------------------------------------------------------------

const drawIcon = (dot) => `data:image/svg+xml,${encodeURIComponent(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><path d="M6 4h20a4 4 0 0 1 4 4v11a4 4 0 0 1-4 4H15l-7 6v-6H6a4 4 0 0 1-4-4V8a4 4 0 0 1 4-4z" fill="#0a7a69"/><path d="M9 11h14M9 16h9" stroke="#fff" stroke-width="2.5" stroke-linecap="round"/>${dot ? '<circle cx="25" cy="7" r="7" fill="#e5484d"/>' : ''}</svg>`)}`;
const ICONS = { read: drawIcon(false), unread: drawIcon(true) };
const icon = document.querySelector('link[rel=icon]');
let titleChanged = false;

/** How many messages the title counts: those of the view on the screen, whispers, and what mentions the user elsewhere. */
function newsCount() {
  const of = (view) => view === shown || !view.isRoom || levelOf(view) === 'all' ? view.unread : view.mentions;
  return [...views.values()].reduce((sum, view) => sum + (levelOf(view) === 'none' && view !== shown ? 0 : of(view)), 0);
}

function retitle() {
  const where = phase === 'waiting' ? `#${$.number.textContent} · ` : $.room.hidden ? '' : `${shown.name} · `;
  const news = phase === 'out' ? 0 : newsCount();
  document.title = `${news ? `(${news}) ` : ''}${where}${serverName}`;
  const wanted = news ? ICONS.unread : ICONS.read;
  if (icon.href !== wanted) icon.href = wanted;
  titleChanged = false;
}

function setFocused(now) {
  focused = now;
  if (!focused) return;
  markRead();
  if (titleChanged) retitle();
}

// ---- Notifications and sounds --------------------------------------------------------------------------

/** Of which messages of a room the user is told: `all`, `mentions` or `none`. Whispers are always told. */
const levelOf = (view) => view.isRoom ? recall('localStorage', `level.${fold(view.name)}`) || 'mentions' : 'all';

function drawLevel() {
  $.level.parentNode.hidden = !shown.isRoom || !shown.isMember;
  $.level.value = levelOf(shown);
}

const mayNotify = () => 'Notification' in window && Notification.permission === 'granted' && $.notify.checked;

function notifyOf(view, item) {
  const level = levelOf(view);
  if (focused || level === 'none' || (level === 'mentions' && !item.mention)) return;
  if ($.sound.checked) ring();
  if (!mayNotify()) return;
  try {
    const title = view.isRoom && view !== shown ? `${item.name} (${view.name})` : item.name;
    const note = new Notification(title, { body: item.text.slice(0, 200), tag: `chinwag ${view.key}`, icon: ICONS.read });
    note.onclick = () => { window.focus(); showView(view); note.close(); };
  } catch { /* phones want a service worker for it */ }
}

let audio = null;
let rangAt = 0;

/** Two short tones, at most once a second. */
function ring() {
  if (performance.now() - rangAt < 1000 || !window.AudioContext) return;
  rangAt = performance.now();
  audio ??= new AudioContext();
  const volume = audio.createGain();
  volume.gain.setValueAtTime(0.08, audio.currentTime);
  volume.gain.exponentialRampToValueAtTime(0.001, audio.currentTime + 0.4);
  volume.connect(audio.destination);
  [660, 880].forEach((frequency, index) => {
    const tone = audio.createOscillator();
    tone.frequency.value = frequency;
    tone.connect(volume);
    tone.start(audio.currentTime + index * 0.12);
    tone.stop(audio.currentTime + 0.4);
  });
}

/** Browsers notify only for pages that came by https or from this machine. */
function drawNotify() {
  const canNotify = 'Notification' in window && window.isSecureContext;
  $.notify.disabled = !canNotify;
  $.notify.checked = canNotify && recall('localStorage', 'notify') === 'yes' && Notification.permission === 'granted';
  $.notifyWhy.textContent = canNotify ? '' : window.isSecureContext ? T.noNotifications : T.needsHttps;
  $.notifyWhy.hidden = canNotify;
  $.sound.checked = recall('localStorage', 'sound') === 'yes';
}

$.notify.addEventListener('change', async () => {
  if ($.notify.checked && await Notification.requestPermission() !== 'granted') {
    $.notify.checked = false;
    notice(T.notifyDenied);
  }
  remember('localStorage', 'notify', $.notify.checked ? 'yes' : '');
});
$.sound.addEventListener('change', () => {
  remember('localStorage', 'sound', $.sound.checked ? 'yes' : '');
  if ($.sound.checked) ring();
});
$.level.addEventListener('change', () => {
  remember('localStorage', `level.${fold(shown.name)}`, $.level.value === 'mentions' ? '' : $.level.value);
  roomsChanged = titleChanged = true;
  wantFlush();
});
window.addEventListener('focus', () => setFocused(true));
window.addEventListener('blur', () => setFocused(false));
