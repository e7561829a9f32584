// The settings of the room in the right panel, and of its notifications.

/** Shows the settings of the room; what is being typed stays until it is sent or refused. */
let shownSettings = {};
function drawSettings() {
  settingsChanged = false;
  drawLevel();
  const operates = mayOperate();
  $.settings.hidden = !canFollow() || !shown.isMember || (isLobby() && !operates);
  $.settingFields.disabled = !operates;
  for (const form of $.settings.querySelectorAll('form')) form.hidden = isLobby() || !operates;
  const settings = shown.settings ?? {};
  for (const control of $.settingFields.querySelectorAll('[data-setting]')) {
    const name = control.dataset.setting;
    const value = settings[name] ?? null;
    control.parentNode.hidden = isLobby() && !['moderated', 'topic-lock', 'slow'].includes(name);
    if (shownSettings[name] === value) continue;
    shownSettings[name] = value;
    control.checked = value === true;
    if (control.type === 'checkbox') continue;
    control.value = value === true ? '' : value ?? '';
    control.placeholder = value === true ? T.isSet : '';
  }
}

/** A change was refused: the old value is shown again. */
function resetSettings() {
  shownSettings = {};
  rulesChanged();
}

$.settingFields.addEventListener('change', ({ target }) => {
  if (phase !== 'here') return resetSettings();
  if (!target.reportValidity()) return;
  const value = target.type === 'checkbox' ? (target.checked ? 'on' : 'off') : target.value.trim() || 'off';
  sendFromSide(`/room #${shown.name} ${target.dataset.setting} ${value}`);
});
$.settings.addEventListener('submit', (event) => {
  event.preventDefault();
  const [field] = event.target.elements;
  const name = field.value.trim();
  if (!name || phase !== 'here') return field.focus();
  sendFromSide(`/${event.target.dataset.command} #${shown.name} ${name}`);
  field.value = '';
});

function sendFromSide(line) {
  $.memberWhy.textContent = '';
  if (phase === 'here') transmit(line);
}
