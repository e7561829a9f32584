// The search: a box in the right panel, its results, and the way to a date.

let search = null; // the last one: { view, words, results, older, isWaiting }
let answering = null; // the one whose answer comes: { search, page }

const searchShown = () => membersShown() && !$.search.hidden;

/** Shows the search in the right panel, or the people again. */
function showSearch(isShown) {
  $.search.hidden = !isShown;
  $.memberPart.hidden = isShown;
  $.openSearch.setAttribute('aria-expanded', String(isShown && membersShown()));
  peopleChanged = true;
  wantFlush();
  if (!isShown) return;
  drawSearch();
  if (!membersShown()) showPanel($.members, true, false);
  $.searchWords.focus();
  $.searchWords.select();
}

function drawSearch() {
  $.dayForm.hidden = !me.stores;
  $.searchWhere.textContent = T.searchIn(searchView().name);
}

/** Conversations are not stored. */
const searchView = () => shown.isRoom ? shown : home() ?? shown;

function startSearch(words, before) {
  // Older results are of the room in which was searched.
  const view = before === undefined ? searchView() : search.view;
  if (before === undefined) search = { view, words, results: [], older: null, isWaiting: false };
  if (search.isWaiting) return;
  $.searchState.textContent = T.searching;
  // A server that stores nothing looks up nothing; the page has the last messages.
  if (!me.stores) return searchHere(view, words);
  search.isWaiting = true;
  transmit(`/search #${view.name} ${before === undefined ? '' : `before ${before} `}${words}`, { silent: true, query: search });
}

function searchHere(view, words) {
  const wanted = words.toLowerCase().split(/\s+/);
  const holds = (item) => item.id && wanted.every((word) => item.text.toLowerCase().includes(word));
  search.results = view.live.items.flatMap(rawItems).filter(holds).toReversed();
  drawResults();
}

/** The server begins to answer, to the box or to `/search`. */
function beginSearch(f, asked) {
  if (!asked?.silent) {
    search = { view: room(f.room ?? me.room), words: f.words, results: [], older: null, isWaiting: true };
    showSearch(true);
    $.searchWords.value = f.words;
  }
  answering = { search: asked?.query ?? search, page: [] };
}

function addFound(f) {
  // Oldest first; the box has the newest above.
  answering?.page.unshift({ ...itemOf(f), kind: f.action ? 'action' : 'said' });
}

function endSearch(f) {
  if (!answering) return;
  const { search: asked, page } = answering;
  answering = null;
  asked.results.push(...page);
  Object.assign(asked, { older: f.older ?? null, isWaiting: false });
  if (asked === search) drawResults();
}

function drawResults() {
  const { results, words, older } = search;
  $.searchState.textContent = results.length === 0 ? T.foundNothing(words) : T.foundCount(results.length, older !== null);
  announce($.searchState.textContent);
  const pattern = wordPattern(words);
  $.results.replaceChildren(...results.map((item) => {
    const text = el('span', 'text');
    text.dir = 'auto';
    fillWords(text, item.text, pattern);
    return el('li', '', listButton({ id: item.id }, '', el('span', 'quiet', nameNode(item.name), ' ', fullFormat.format(item.at * 1000)), text));
  }));
  $.olderResults.hidden = older === null;
}

/** Any of the words. */
function wordPattern(words) {
  const quoted = words.split(/[\s"]+/).filter(Boolean).map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return quoted.length > 0 ? new RegExp(quoted.join('|'), 'giu') : null;
}

/** A message leaves the results when it is deleted. */
function forgetResults(ids) {
  if (!search) return;
  search.results = search.results.filter((item) => !ids.includes(item.id));
  for (const id of ids) $.results.querySelector(`[data-id="${id}"]`)?.parentNode.remove();
}

$.openSearch.addEventListener('click', () => {
  if (searchShown()) showPanel($.members, false);
  else showSearch(true);
});
$.searchForm.addEventListener('submit', (event) => {
  event.preventDefault();
  const words = $.searchWords.value.trim();
  if (words && phase === 'here') startSearch(words);
});
$.olderResults.addEventListener('click', () => { if (phase === 'here') startSearch(search.words, search.older); });
$.results.addEventListener('click', ({ target }) => {
  const { id } = target.closest('button')?.dataset ?? {};
  if (!id) return;
  if (!wide.matches) closePanels();
  jumpTo(search.view, Number(id));
});
$.dayForm.addEventListener('submit', (event) => {
  event.preventDefault();
  if (!$.searchDate.value || phase !== 'here') return $.searchDate.focus();
  if (!wide.matches) closePanels();
  jumpToDate(searchView(), $.searchDate.value);
});
document.addEventListener('keydown', (event) => {
  if ($.room.hidden || document.querySelector('dialog[open]')) return;
  const isField = event.target.closest?.('input, textarea, select');
  const isSlash = event.key === '/' && !isField && !event.ctrlKey && !event.metaKey && !event.altKey;
  const isK = event.key.toLowerCase() === 'k' && (event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey;
  if (!isSlash && !isK) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  showSearch(true);
});
