// The window, and the start of the page.

// Safari lays its keyboard over the page rather than make the page smaller.
function fitWindow() {
  const seen = window.visualViewport;
  if (!seen || seen.scale > 1.01) return;
  document.documentElement.style.setProperty('--seen', `${seen.height}px`);
  if (window.scrollY > 0) window.scrollTo(0, 0);
}
window.visualViewport?.addEventListener('resize', fitWindow);
window.visualViewport?.addEventListener('scroll', fitWindow);
window.addEventListener('pagehide', () => {
  // A reload is a lost connection, too: what it had not heard back is doubtful.
  doubt();
  saveViews();
  reportAll();
});
// Back from the cache of the browser, which closed the connection.
window.addEventListener('pageshow', (event) => { if (event.persisted && socket === null && phase === 'here') closed(true); });

function restore() {
  try { doubtful = JSON.parse(recall('sessionStorage', 'unsaid')).filter(({ line, kind, text }) => [line, kind, text].every((each) => typeof each === 'string')); } catch { doubtful = []; }
  drawHint();
  drawUnsaid();
}

function start() {
  document.documentElement.lang = LOCALE;
  for (const node of document.querySelectorAll('[data-t]')) node.textContent = T[node.dataset.t];
  for (const node of document.querySelectorAll('[data-t-label]')) node.setAttribute('aria-label', T[node.dataset.tLabel]);
  for (const node of document.querySelectorAll('[data-t-placeholder]')) node.placeholder = T[node.dataset.tPlaceholder];
  $.settingFields.querySelector('[data-setting=key]').title = T.keyRule;
  $.nickname.value = me.wanted;
  drawNotify();
  fitPanels();
  restore();
  fitWindow();
  screen('login');
  drawLogin();
  focusFirst();
  retitle();
  // After a reload one goes on as before.
  const name = recall('sessionStorage', 'name');
  if (name) { me.name = me.wanted = name; recallViews(); connect(); drawLogin(); }
}
start();
