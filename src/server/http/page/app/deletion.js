// The button that deletes a message.

/** Whether the user may delete the message of a line: an own one of this connection, or any where the user operates. */
function mayDelete(line) {
  if (phase !== 'here' || !canFollow() || !line?.dataset.id) return false;
  return mayOperate() || (line.classList.contains('own') && Number(line.dataset.id) > me.since);
}

/** Puts the one button for it on a message, or takes it away. */
function offerDelete(line) {
  if (line && $.delete.parentNode === line) return;
  $.delete.remove();
  if (!mayDelete(line)) return;
  askSure(line, false);
  $.delete.hidden = false;
  line.append($.delete);
}

function askSure(line, asks) {
  const what = line.classList.contains('own') ? T.deleteOwn : T.deleteOf(line.querySelector('.name').dataset.who);
  $.sure.textContent = asks ? T.sure : '';
  $.delete.title = asks ? `${T.sure} ${what}` : what;
  $.delete.setAttribute('aria-label', $.delete.title);
  if (asks) announce(T.sure);
}

/** Goes with the focus to the next message that can be deleted in that direction. */
function stepDelete(step) {
  const lines = [...view.list.children];
  const from = lines.indexOf($.delete.parentNode);
  const next = step < 0 ? lines.slice(0, Math.max(0, from)).findLast(mayDelete) : lines.slice(from + 1).find(mayDelete);
  if (!next) return;
  $.log.focus();
  offerDelete(next);
  $.delete.focus();
}

$.delete.addEventListener('click', () => {
  const line = $.delete.parentNode;
  if (!mayDelete(line)) return $.delete.remove();
  if (!line.classList.contains('own') && !$.sure.textContent) return askSure(line, true);
  transmit(`/delete #${me.room} ${line.dataset.id}`);
  if ($.delete === document.activeElement) $.log.focus();
  $.delete.remove();
});
$.delete.addEventListener('keydown', (event) => {
  const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
  if (!step) return;
  event.preventDefault();
  stepDelete(step);
});
// A finger that comes down would press the button that appears below it.
$.log.addEventListener('pointerover', ({ target, pointerType }) => {
  if (pointerType !== 'touch' && !$.delete.matches(':focus-visible')) offerDelete(target.closest('.line'));
});
$.log.addEventListener('pointerleave', ({ pointerType }) => {
  if (pointerType !== 'touch' && !$.delete.matches(':focus-visible')) $.delete.remove();
});
$.log.addEventListener('focusin', ({ target }) => {
  if (target === $.log && $.log.matches(':focus-visible')) offerDelete([...view.list.children].findLast(mayDelete));
});
// Later, since the focus is lost by moving the button, too.
$.log.addEventListener('focusout', () => setTimeout(() => {
  if (!$.log.contains(document.activeElement) && !$.log.matches(':hover')) $.delete.remove();
}));
