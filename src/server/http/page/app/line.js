// Lines as nodes of the document: messages, notices, and the rules between them.

/** The nodes of a line, with the rules above it; `before`: the line before. */
function lineNodes(item, before) {
  const nodes = [];
  if (!before || dayOf(before) !== dayOf(item)) nodes.push(el('li', 'rule', dayFormat.format(item.at * 1000)));
  if (item === shown.firstNew) nodes.push(el('li', 'rule new', T.newHere));
  item.node = item.kind === 'rule' ? el('li', 'rule', item.text) : lineNode(item, nodes.length > 0 ? undefined : before);
  nodes.push(item.node);
  item.nodes = nodes;
  return nodes;
}

const dayOf = (item) => {
  item.day ??= new Date(item.at * 1000).toDateString();
  return item.day;
};

/** Whether a message goes on from the one before, by the same person and not much later. */
function followsOn(item, before) {
  return Boolean(before) && SPEECH.has(item.kind) && before.kind === item.kind && before.name === item.name && item.at - before.at < 300;
}

function lineNode(item, before) {
  const node = el('li', `line ${item.kind === 'whispered' ? 'whisper' : item.kind}`);
  if (item.id) node.dataset.id = item.id;
  if (item.own) node.classList.add('own');
  if (item.mention) node.classList.add('mention');
  if (item === found) node.classList.add('found');
  if (followsOn(item, before)) node.classList.add('more');
  fillLine(node, item);
  node.append(' ', timeNode(node, item, before));
  return node;
}

function timeNode(node, item, before) {
  const time = el('time', '', clock(item.at));
  time.dateTime = new Date(item.at * 1000).toISOString();
  // The first of a group tells its time, and whatever comes in another minute.
  const led = ['said', 'action', 'whisper'].some((kind) => node.classList.contains(kind)) && !node.classList.contains('more');
  if (before && !led && Math.floor(before.at / 60) === Math.floor(item.at / 60)) node.classList.add('same');
  return time;
}

/** The text of a message: text with its marks, or code. */
const bodyNode = (item) => item.parts ? codeNode(item.parts.flatMap((part) => part.lines)) : textNode(item.text, item.mention && mentionPattern());

const FILL = {
  said: (node, item) => node.append(nameNode(item.name), ' ', bodyNode(item)),
  action: (node, item) => node.append(nameNode(item.name), ' ', bodyNode(item)),
  whisper: (node, item) => node.append(el('span', 'label', ...T.from(nameNode(item.name))), ' ', bodyNode(item)),
  whispered: (node, item) => node.append(el('span', 'label', ...T.to(nameNode(item.name))), ' ', bodyNode(item)),
  invite(node, { room: name, text }) {
    const button = el('button', 'plain', T.join);
    button.dataset.join = name;
    button.setAttribute('aria-label', `${T.join}: ${name}`);
    node.append(el('span', 'text', text), ' ', button);
    node.classList.add('notice');
  },
  help(node) {
    const all = [...T.commands, ...(canFollow() ? T.commands2 : [])];
    const pairs = all.flatMap(([typed, does]) => [el('dt', '', typed), el('dd', '', does)]);
    node.append(T.helpTitle, el('dl', '', ...pairs));
    node.classList.add('notice');
  },
};

function fillLine(node, item) {
  const fill = FILL[item.kind];
  if (fill) return fill(node, item);
  const text = el('span', 'text', item.text);
  text.dir = 'auto';
  node.append(text);
}

// ---- Lines that are shown ------------------------------------------------------------------------------

/** Shows a line in a view; without one in that on the screen, where the user has typed a command. */
function show(item, view = shown) {
  const segment = view === shown ? view.segment : view.live;
  segment.append(item);
}
const notice = (text, view) => show({ kind: 'notice', text }, view);
const presence = (text, view) => show({ kind: 'presence', text }, view);
/** A join or leave, which the user may have hidden. */
const coming = (text, view) => { if (!me.quiet) presence(text, view); };

/** A text about a room; another than the one on the screen is named. */
const namedRoom = (f, text) => roomOf(f) === shown ? text : T.inOther(f.room, text);
