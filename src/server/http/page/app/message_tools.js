// The buttons on a message: one deletes it, the other opens the card of its author.

/** Whether the user may delete a message: an own one of this connection, or any where the user operates. */
function mayDelete(item, view = shown) {
  if (phase !== 'here' || !canFollow() || !item?.id || !view.isMember) return false;
  return mayOperate(view) || (item.own && idsOf(item)[0] > me.since);
}

const itemOfLine = (line) => line?.dataset.id ? shown.segment.byId.get(Number(line.dataset.id)) : undefined;
const hasCard = (item) => Boolean(item) && !item.own && shown.isRoom;
const hasTools = (line) => mayDelete(itemOfLine(line)) || hasCard(itemOfLine(line));

/** Puts the buttons on a message, or takes them away. */
function offerTools(line) {
  if (line && $.tools.parentNode === line) return;
  $.tools.remove();
  const item = itemOfLine(line);
  $.delete.hidden = !mayDelete(item);
  $.more.hidden = !hasCard(item);
  if ($.delete.hidden && $.more.hidden) return;
  askSure(item, false);
  $.more.title = T.actsOn(item.name);
  $.more.setAttribute('aria-label', $.more.title);
  $.tools.hidden = false;
  line.append($.tools);
}

function askSure(item, asks) {
  const what = item.own ? T.deleteOwn : T.deleteOf(item.name);
  $.sure.textContent = asks ? T.sure : '';
  $.delete.title = asks ? `${T.sure} ${what}` : what;
  $.delete.setAttribute('aria-label', $.delete.title);
  if (asks) announce(T.sure);
}

function deleteItem(view, item) {
  for (const id of idsOf(item)) transmit(`/delete #${view.name} ${id}`);
}

/** Goes with the focus to the next message with buttons in that direction. */
function stepTools(step) {
  const lines = [...$.lines.children];
  const from = lines.indexOf($.tools.parentNode);
  const next = step < 0 ? lines.slice(0, Math.max(0, from)).findLast(hasTools) : lines.slice(from + 1).find(hasTools);
  if (!next) return;
  $.log.focus();
  offerTools(next);
  firstTool().focus();
  next.scrollIntoView({ block: 'nearest' });
}
const firstTool = () => $.delete.hidden ? $.more : $.delete;

$.delete.addEventListener('click', () => {
  const item = itemOfLine($.tools.parentNode);
  if (!mayDelete(item)) return $.tools.remove();
  if (!item.own && !$.sure.textContent) return askSure(item, true);
  deleteItem(shown, item);
  if ($.delete === document.activeElement) $.log.focus();
  $.tools.remove();
});
$.more.addEventListener('click', () => {
  const item = itemOfLine($.tools.parentNode);
  if (item) openCard(item.name, item);
});
$.tools.addEventListener('keydown', (event) => {
  const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
  if (!step) return;
  event.preventDefault();
  stepTools(step);
});
const isUsed = () => $.delete.matches(':focus-visible') || $.more.matches(':focus-visible');
// A finger that comes down would press the button that appears below it.
$.log.addEventListener('pointerover', ({ target, pointerType }) => {
  if (pointerType !== 'touch' && !isUsed()) offerTools(target.closest('.line'));
});
$.log.addEventListener('pointerleave', ({ pointerType }) => {
  if (pointerType !== 'touch' && !isUsed()) $.tools.remove();
});
$.log.addEventListener('focusin', ({ target }) => {
  if (target === $.log && $.log.matches(':focus-visible')) offerTools([...$.lines.children].findLast(hasTools));
});
// Later, since the focus is lost by moving the buttons, too.
$.log.addEventListener('focusout', () => setTimeout(() => {
  if (!$.log.contains(document.activeElement) && !$.log.matches(':hover')) $.tools.remove();
}));
