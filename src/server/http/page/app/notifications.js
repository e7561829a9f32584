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
const mentionsElsewhere = new Set(); // ids of messages in followed rooms, while the window had no focus

function retitle() {
  const where = phase === 'waiting' ? `#${$.number.textContent} · ` : $.room.hidden ? '' : `${me.room} · `;
  const news = unread.size + mentionsElsewhere.size;
  document.title = `${news ? `(${news}) ` : ''}${where}${serverName}`;
  const wanted = news ? ICONS.unread : ICONS.read;
  if (icon.href !== wanted) icon.href = wanted;
  titleChanged = false;
}

/** Counts a message that may be unseen; the first is marked. */
function countUnread(item) {
  if (!stick) missed.add(item.id ?? item);
  if (focused) return;
  item.first = unread.size === 0;
  unread.add(item.id ?? item);
  titleChanged = true;
  if (item.mention || item.kind === 'whisper') notifyOf(item);
}

function setFocused(now) {
  focused = now;
  if (!focused || unread.size + mentionsElsewhere.size === 0) return;
  unread.clear();
  mentionsElsewhere.clear();
  retitle();
}

const mayNotify = () => 'Notification' in window && Notification.permission === 'granted' && $.notify.checked;

function notifyOf(item) {
  if (!mayNotify()) return;
  try {
    const note = new Notification(item.name, { body: item.text.slice(0, 200), tag: `chinwag ${item.name}`, icon: ICONS.read });
    note.onclick = () => { window.focus(); note.close(); };
  } catch { /* phones want a service worker for it */ }
}

$.notifyLabel.hidden = !('Notification' in window);
$.notify.checked = recall('localStorage', 'notify') === 'yes' && 'Notification' in window && Notification.permission === 'granted';
$.notify.addEventListener('change', async () => {
  if ($.notify.checked && await Notification.requestPermission() !== 'granted') {
    $.notify.checked = false;
    notice(T.notifyDenied);
  }
  remember('localStorage', 'notify', $.notify.checked ? 'yes' : '');
});
window.addEventListener('focus', () => setFocused(true));
window.addEventListener('blur', () => setFocused(false));
