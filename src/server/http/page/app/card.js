// The card of a person: who it is, and what the user can do to that person or to a message.

let cardOf = null; // { name, item, view }

/** Opens the card of a person; with `item`, that of a message of this person. */
function openCard(name, item = null) {
  if (name === me.name && !item) return focusFirst();
  cardOf = { name, item, view: shown };
  $.cardName.replaceChildren(nameNode(name));
  $.cardFacts.replaceChildren();
  $.cardWhy.textContent = '';
  drawCard();
  if (!$.card.open) $.card.showModal();
  if (name !== me.name && phase === 'here') ask(`/whois ${name}`);
}

function drawCard() {
  if (!cardOf) return;
  const { name, item, view } = cardOf;
  const isOther = name !== me.name;
  const talks = isOther ? ['whisper', 'mention', ignored.has(fold(name)) ? 'unignore' : 'ignore'] : [];
  const removes = item && mayDelete(item, view) ? ['delete'] : [];
  const acts = isOther && view.isMember && mayOperate(view) ? actsOn(name, view) : [];
  if (isOther && me.role) acts.push('kickAll', 'banAll');
  const buttons = [...talks, ...removes, ...acts].map((act) => {
    const button = listButton({ act }, act === 'delete' || ASKED.has(act) ? 'plain bad' : 'plain', T.acts[act]);
    button.disabled = phase !== 'here';
    return button;
  });
  $.cardActs.replaceChildren(...buttons);
}

/** The commands that an operator may use on a member of a room. */
function actsOn(name, view) {
  const role = roleOf(name, view);
  const isMuted = view.muted.has(fold(name));
  const speech = [role === 'voice' ? 'devoice' : role ? '' : 'voice', isMuted ? 'unmute' : 'mute'];
  if (isLobby(view)) return speech.filter(Boolean);
  return [role === 'op' ? 'deop' : 'op', ...speech, 'kick', 'ban'].filter(Boolean);
}

/** Shows what the server tells about the person. */
function fillCard(f) {
  if (!$.card.open || !cardOf || fold(cardOf.name) !== fold(f.name)) return;
  const facts = [
    [T.cardRole, T.roles[f.role] ?? T.roles[roleOf(f.name, cardOf.view)]],
    [T.cardAway, f.away === null || f.away === undefined ? '' : f.away || T.yes],
    [T.cardSince, fullFormat.format(f.since * 1000)],
    [T.cardRooms, f.rooms?.length ? listOf(f.rooms) : ''],
    [T.cardAccount, f.account ? T.registeredName : T.guest],
  ];
  $.cardFacts.replaceChildren(...facts.filter(([, text]) => text).flatMap(([label, text]) => [el('dt', '', label), el('dd', '', text)]));
}

/** The question about the person was refused. */
function failCard(text) {
  if ($.card.open) $.cardWhy.textContent = text;
}

function doAct(act) {
  const { name, item, view } = cardOf;
  if (act === 'whisper') openTalk(name);
  else if (act === 'mention') setDraft(`${$.text.value}${$.text.value && !$.text.value.endsWith(' ') ? ' ' : ''}${$.text.value ? name : `${name}:`} `);
  else if (act === 'delete') deleteItem(view, item);
  else if (act === 'ignore' || act === 'unignore') transmit(`/${act} ${name}`);
  else if (act === 'kickAll' || act === 'banAll') transmit(`/${act.slice(0, -3)} ${name}`);
  else transmit(`/${act} #${view.name} ${name}`);
}

/** Shows the conversation with somebody. */
function openTalk(name) {
  showView(talk(name));
  if (!wide.matches) closePanels();
  focusFirst();
}

/** Kicking and banning are asked about. */
const ASKED = new Set(['kick', 'ban', 'kickAll', 'banAll']);
$.cardActs.addEventListener('click', ({ target }) => {
  const button = target.closest('button');
  if (!button || phase !== 'here') return;
  const { act } = button.dataset;
  const sure = T.sureTo(T.acts[act]);
  if ((ASKED.has(act) || (act === 'delete' && cardOf.name !== me.name)) && button.textContent !== sure) {
    button.textContent = sure;
    return announce(sure);
  }
  $.card.close();
  doAct(act);
});
$.card.addEventListener('close', () => focusFirst());
// A click beside the card closes it.
$.card.addEventListener('click', (event) => { if (event.target === $.card) $.card.close(); });
