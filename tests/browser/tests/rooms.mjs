// Several rooms: messages of followed rooms are counted and not shown; nothing is lost, doubled or mixed up.
import { Nc, check, random, same } from '../harness.mjs';
import { again, badgeIs, connected, counted, disconnected, enter, expected, messages, ncIn, noteNotifications, roomIs, say, sees, show, until, upToDate } from '../people.mjs';

const badge = (page, room) => page.$eval(`#roomList [data-key="${room}"] .badge`, (node) => node.hidden ? '' : node.textContent);
const listed = (page) => page.$$eval('#roomList [data-key]', (rooms) => rooms.map((room) => room.dataset.key));

async function follows(page, room) {
  await say(page, `/follow ${room}`);
  await sees(page, `You are in ${room} too`, 'notice');
}

/** The room shown has the lines of this counter, each once and in order, and no others. */
async function holdsOnly(page, prefix, last, seed) {
  const read = await messages(page);
  counted(read, prefix, last, seed);
  same(read.length, last, `lines in the room of ${prefix}`);
}

export async function messages_of_a_followed_room_are_counted_and_not_shown({ server, page, picture }) {
  const house = await server();
  const bob = await ncIn(house, 'bob', 'den');
  bob.say('before', '/join cellar', 'down here', '/join den', '/ping ready');
  await bob.until(/pong ready/);
  const alice = await page(house.url);
  await enter(alice, 'alice');
  await alice.focus('#otherList [data-key=den]');
  await alice.keyboard.press('Enter');
  await sees(alice, 'before', 'said');
  await alice.focus('#joinShown');
  await alice.keyboard.press('Enter');
  await sees(alice, 'You are in den too, with 1 other', 'notice');
  await show(alice, 'lobby');
  await bob.until(/alice joined \(2 here\)/);
  same(await listed(alice), ['lobby', 'den'], 'the order of the rooms');
  same(await badge(alice, 'den'), '', 'what was said before counts as unread');
  bob.say('one', '/me waves');
  await badgeIs(alice, 'den', '2');
  bob.say('alice: three');
  await badgeIs(alice, 'den', '@3');
  await picture(alice, 'followed');
  same(await alice.$eval('#roomList [data-key=den] .unseen', (node) => node.textContent), '3 unread, and you were mentioned', 'what a screen reader reads');
  same(await messages(alice), [], 'what is shown in the lobby');
  await alice.click('#roomList [data-key=den]');
  await roomIs(alice, 'den');
  await sees(alice, 'alice: three', 'mention');
  same(await messages(alice), ['before', 'one', 'waves', 'alice: three'], 'the den');
  same(await alice.$eval('#log .rule.new + .line .text', (text) => text.textContent), 'one', 'the first that was unread');
  await badgeIs(alice, 'den', '');
  bob.say('four');
  await sees(alice, 'four', 'said');
  same(await alice.$$eval('#roomList .badge:not([hidden])', (nodes) => nodes.length), 0, 'rooms with unread messages');
}

export async function names_and_counts_of_rooms_do_not_mix({ server, page }) {
  const house = await server();
  const bob = await ncIn(house, 'bob', 'den');
  const carol = await Nc.enter(house, 'carol');
  const alice = await page(house.url);
  await enter(alice, 'alice');
  await follows(alice, 'den');
  const people = () => alice.$$eval('#peopleList li', (items) => items.map((item) => item.textContent));
  const counts = (room, count) => until(alice, ([key, wanted]) => findRoom(key)?.here === wanted, [room, count], `not ${count} in ${room}`);
  const dave = await ncIn(house, 'dave', 'den');
  await counts('den', 3);
  dave.say('/nick david');
  await bob.until(/dave is now called david/);
  dave.leave();
  await counts('den', 2);
  await counts('lobby', 2);
  carol.say('only for the lobby');
  await sees(alice, 'only for the lobby', 'said');
  same(await people(), ['alice (you)', 'carol'], 'the people of the lobby');
  check(!/david|bob/.test(await alice.innerText('#log')), 'the lobby shows what happens in the den');
  await say(alice, '/nick alicia');
  await sees(alice, 'You are now called alicia', 'notice');
  await bob.until(/alice is now called alicia/);
  await carol.until(/alice is now called alicia/);
  await say(alice, '/who den');
  await sees(alice, '2 in den: bob and you.', 'notice');
  same(await people(), ['alicia (you)', 'carol'], 'the people of the lobby');
  check(!(await alice.innerText('#log')).includes('alice is now'), 'the own new name is told as if it was of somebody else');
}

export async function a_member_speaks_and_looks_up_in_a_followed_room({ server, page }) {
  const house = await server();
  const bob = await ncIn(house, 'bob', 'den');
  const carol = await Nc.enter(house, 'carol');
  bob.say('fish', 'chips');
  const alice = await page(house.url);
  await enter(alice, 'alice');
  await say(alice, '#den too early');
  await sees(alice, 'You are not in den', 'refused');
  await follows(alice, 'den');
  await alice.fill('#text', '#de');
  await alice.press('#text', 'Tab');
  same(await alice.inputValue('#text'), '#den ', 'what Tab completes of a room');
  same(await alice.textContent('#hint'), 'Message den', 'where it goes');
  await say(alice, '#den hello den', '/me #den nods', '##den is a room', '#nowhere is text');
  await bob.until(/alice: hello den[^]*alice nods/);
  await carol.until(/alice: #den is a room[^]*alice: #nowhere is text/);
  await sees(alice, '#nowhere is text', 'own');
  same(await messages(alice), ['#den is a room', '#nowhere is text'], 'what is said in the lobby');
  same(await badge(alice, 'den'), '', 'own messages count as unread');
  await say(alice, '/history #den 3');
  await roomIs(alice, 'den');
  await until(alice, () => document.querySelector('#log .found')?.textContent.includes('chips'), null, 'the first of three messages is not marked');
  same(await messages(alice), ['fish', 'chips', 'hello den', 'nods'], 'the den');
  await show(alice, 'lobby');
  same(await messages(alice), ['#den is a room', '#nowhere is text'], 'what is said in the lobby, after /history #den');
  same(await badge(alice, 'den'), '', 'what was asked for counts as unread');
  await until(alice, () => pending.length === 0, null, 'the page takes lines for unanswered');
  same(await alice.getAttribute('#roomList [data-leave="#den"]', 'aria-label'), 'Leave den', 'the name of the button');
  await alice.focus('#roomList [data-leave="#den"]');
  await alice.keyboard.press('Enter');
  await sees(alice, 'You have left den.', 'notice');
  await bob.until(/alice left/);
  same(await listed(alice), ['lobby'], 'the rooms');
  await say(alice, '/unfollow den');
  await sees(alice, 'You do not follow den.', 'refused');
  await say(alice, '/follow lobby');
  await sees(alice, 'lobby already.', 'refused');
}

export async function followed_rooms_lose_and_double_nothing({ server, wire, page }) {
  const house = await server(['--rate', '0']);
  const line = await wire(house);
  const bob = await ncIn(house, 'bob', 'den');
  const dora = await ncIn(house, 'dora', 'cellar');
  const carol = await Nc.enter(house, 'carol');
  const alice = await page(line.url, { expected });
  const asked = [];
  alice.on('websocket', (socket) => asked.push(socket.url()));
  await enter(alice, 'alice');
  await follows(alice, 'den');
  await follows(alice, 'cellar');
  let [unread, said] = [0, 0];
  const talk = (at) => {
    bob.say(`b ${unread += 1}`);
    carol.say(`c ${said += 1}`, `c ${said += 1}`, `/ping ${at}`);
    return carol.until(new RegExp(`pong ${at}`));
  };
  dora.say('alice, come down');
  await badgeIs(alice, 'cellar', '@1');
  for (let round = 1; round <= 3; round += 1) {
    await talk(`connected ${round}`);
    await badgeIs(alice, 'den', String(unread));
    line.cut();
    await disconnected(alice);
    await bob.until(new RegExp(`(alice left[^]*){${round}}`));
    await talk(`cut ${round}`);
    line.mend();
    await again(alice);
    await badgeIs(alice, 'den', String(unread));
    await sees(alice, `c ${said}`, 'said');
  }
  await badgeIs(alice, 'cellar', '@1');
  check(/[?&]room=lobby&follow=den,cellar&run=[0-9a-f]+&after=\d+$/.test(asked.at(-1)), `the page asks for ${asked.at(-1)}`);
  await holdsOnly(alice, 'c', said);
  await say(alice, '/who den');
  await sees(alice, '2 in den: bob and you.', 'notice');
  // A reload is a lost connection, too.
  await alice.reload();
  await connected(alice);
  await talk('after the reload');
  await badgeIs(alice, 'den', String(unread));
  await badgeIs(alice, 'cellar', '@1');
  await alice.click('#roomList [data-key=den]');
  await sees(alice, `b ${unread}`, 'said');
  await holdsOnly(alice, 'b', unread);
}

export async function nothing_is_lost_or_doubled_in_several_rooms({ server, wire, page }) {
  const { seed, below } = random();
  const house = await server(['--rate', '0', '--history', '1000']);
  const line = await wire(house);
  const talkers = { lobby: await Nc.enter(house, 'carol'), den: await ncIn(house, 'bob', 'den'), cellar: await ncIn(house, 'dora', 'cellar'), attic: await ncIn(house, 'erin', 'attic') };
  const said = { lobby: 0, den: 0, cellar: 0, attic: 0 };
  const tell = (room) => talkers[room].say(`${room} ${said[room] += 1}`);
  const talk = () => { for (const room of Object.keys(said)) for (let left = below(3); left > 0; left -= 1) tell(room); };
  const alice = await page(line.url, { expected });
  await enter(alice, 'alice');
  await follows(alice, 'attic');
  for (let round = 0; round < 12; round += 1) {
    talk();
    const room = ['lobby', 'den', 'cellar'][below(3)];
    line.loses = ['', 'up', 'down'][below(3)];
    // The history of a room that one is not in would be a look at it, where one cannot write.
    const history = await alice.evaluate((name) => isMember(name), room) ? `/history #${room}` : '/ping';
    await say(alice, [`/join ${room}`, `/follow ${room}`, `/unfollow ${room}`, history][below(4)]);
    talk();
    // A line that loses something has to be cut.
    if (line.loses !== '' || below(4) > 0) {
      line.cut();
      await disconnected(alice);
      talk();
      line.mend();
      await again(alice);
      talk();
    }
    await upToDate(alice, ` (CHINWAG_SEED=${seed})`);
  }
  for (const room of ['lobby', 'den', 'cellar']) {
    await say(alice, `/join ${room}`);
    await roomIs(alice, room);
    tell(room);
    await sees(alice, `${room} ${said[room]}`, 'said');
    await holdsOnly(alice, room, said[room], seed);
  }
  tell('attic');
  await badgeIs(alice, 'attic', String(said.attic));
  await say(alice, '/join attic');
  await sees(alice, `attic ${said.attic}`, 'said');
  await holdsOnly(alice, 'attic', said.attic, seed);
}

/** Gives the page frames as if the server had sent them, and returns the message after which it would go on. */
const receives = (page, ...frames) => page.evaluate((all) => {
  all.forEach((frame) => handleFrame(JSON.stringify(frame)));
  return newestSeen();
}, frames);
const saidIn = (room, id) => ({ t: 'said', room, id, at: 1_700_000_000, name: 'bob', text: `message ${id}` });
const members = { here: 2, names: ['bob'], topic: null };

export async function after_a_history_that_was_cut_the_page_asks_for_its_rest({ server, page }) {
  const house = await server();
  const alice = await page(house.url);
  await enter(alice, 'alice');
  const following = [{ t: 'following', room: 'den', ...members }, { t: 'history', room: 'den', messages: 2, gap: false }];
  const live = { t: 'live', room: 'den' };
  await receives(alice, ...following, live, saidIn('den', 1000));
  same(await receives(alice, saidIn('lobby', 1001)), 1001, 'the newest of all rooms');
  same(await receives(alice, ...following, saidIn('den', 1000), saidIn('den', 1002), saidIn('lobby', 1005)), 1000, 'the history of den has not come to its end');
  same(await receives(alice, saidIn('den', 1003), live), 1005, 'the newest, when den is up to date');
  same(await receives(alice, { t: 'room', room: 'cellar', ...members }, { t: 'history', room: 'cellar', messages: 2, gap: false }), 0, 'nothing of cellar is there yet');
  same(await receives(alice, saidIn('cellar', 7)), 0, 'the history of cellar has not come to its end');
  same(await receives(alice, saidIn('cellar', 9), { t: 'live', room: 'cellar' }), 1003, 'the newest, when cellar is up to date');
  await badgeIs(alice, 'den', '3');
  await sees(alice, 'message 9', 'said');
  same(await messages(alice), ['message 7', 'message 9'], 'cellar');
}

export async function a_message_and_a_history_at_one_moment_are_shown_once({ server, page }) {
  const house = await server();
  const alice = await page(house.url);
  await enter(alice, 'alice');
  const history = { t: 'history', room: 'lobby', messages: 1, gap: false };
  await receives(alice, saidIn('lobby', 1000), history, saidIn('lobby', 1000), { t: 'live', room: 'lobby', older: null });
  await sees(alice, 'message 1000', 'said');
  same(await messages(alice), ['message 1000'], 'the lobby');
}

export async function a_gap_in_a_followed_room_is_marked({ server, page }) {
  const house = await server();
  const alice = await page(house.url);
  await enter(alice, 'alice');
  const followed = (name, gap, ...ids) => [
    { t: 'following', room: name, ...members },
    { t: 'history', room: name, messages: ids.length, gap },
    ...ids.map((id) => saidIn(name, id)),
    { t: 'live', room: name },
  ];
  await receives(alice, ...followed('den', false, 1000), ...followed('den', true, 1200));
  await badgeIs(alice, 'den', '1+');
  check(!(await alice.innerText('#log')).includes('missed'), 'a gap in den is told in the lobby');
  // A history that was not asked for after a message may begin later than the last one.
  await receives(alice, ...followed('attic', false, 1300));
  await badgeIs(alice, 'attic', '');
  await receives(alice, ...followed('attic', false, 1300, 1301));
  await badgeIs(alice, 'attic', '1');
  await receives(alice, ...followed('attic', false, 1302));
  await badgeIs(alice, 'attic', '2+');
}

export async function a_line_to_a_followed_room_is_not_lost_in_doubt({ server, wire, page }) {
  const house = await server();
  const line = await wire(house);
  const bob = await ncIn(house, 'bob', 'den');
  const alice = await page(line.url, { expected });
  await enter(alice, 'alice');
  await follows(alice, 'den');
  const cutAndMend = async (count) => {
    line.cut();
    await disconnected(alice);
    await bob.until(new RegExp(`(alice left[^]*){${count}}`));
    line.mend();
    await again(alice);
  };
  line.loses = 'down';
  await say(alice, '#den arrived');
  await bob.until(/alice: arrived/);
  await cutAndMend(1);
  await upToDate(alice);
  check(await alice.$eval('#unsaid', (tray) => tray.hidden), 'what was said is taken for unsaid');
  line.loses = 'up';
  await say(alice, '#den lost');
  await cutAndMend(2);
  await alice.waitForSelector('#unsaidButtons:not([hidden])');
  same(await alice.$$eval('#unsaidLines li', (lines) => lines.map((each) => each.textContent)), ['#den lost'], 'what was not said');
  await alice.click('#again');
  await bob.until(/alice: lost/);
  await show(alice, 'den');
  await sees(alice, 'lost', 'own');
}

export async function the_topic_stands_beside_the_name_of_the_room({ server, page, picture }) {
  const house = await server();
  const bob = await ncIn(house, 'bob', 'den');
  bob.say('/topic fish & <b>chips</b>');
  await bob.until(/set the topic/);
  const alice = await page(house.url);
  await enter(alice, 'alice');
  const topicIs = (text) => until(alice, (wanted) => (document.querySelector('#topic').hidden ? '' : document.querySelector('#topic').textContent) === wanted, text, `the topic is not ${JSON.stringify(text)}`);
  await topicIs('');
  await say(alice, '/topic', '/topic the lobby');
  await sees(alice, 'There is no topic.', 'notice');
  await sees(alice, 'alice set the topic: the lobby', 'notice');
  await topicIs('the lobby');
  await follows(alice, 'den');
  await until(alice, () => document.querySelector('#roomList [data-key=den]').title === 'fish & <b>chips</b>', null, 'the list does not have the topic of den');
  await say(alice, '/topic #den');
  await sees(alice, '(den) The topic, set by bob: fish & <b>chips</b>', 'notice');
  await topicIs('the lobby');
  await say(alice, '/join den');
  await topicIs('fish & <b>chips</b>');
  await picture(alice, 'topic');
  bob.say('/topic -');
  await sees(alice, 'bob cleared the topic.', 'notice');
  await topicIs('');
  await say(alice, `/topic ${'x'.repeat(391)}`);
  await sees(alice, 'That text is too long (390 bytes at most).', 'refused');
  await until(alice, () => pending.length === 0, null, 'the page takes lines for unanswered');
}

export async function joins_and_leaves_can_be_hidden({ server, page }) {
  const house = await server();
  const alice = await page(house.url);
  await enter(alice, 'alice');
  await say(alice, '/quiet on');
  await sees(alice, 'Joins and leaves are no longer shown.', 'notice');
  const bob = await Nc.enter(house, 'bob');
  await alice.waitForSelector('#peopleList [data-key=bob]');
  same(await alice.textContent('#count'), '2 here', 'the count');
  bob.leave();
  await alice.waitForSelector('#peopleList [data-key=bob]', { state: 'detached' });
  check(!(await alice.innerText('#log')).includes('bob'), 'a join or leave is shown');
  await alice.reload();
  await connected(alice);
  await Nc.enter(house, 'carol');
  await alice.waitForSelector('#peopleList [data-key=carol]');
  check(!(await alice.innerText('#log')).includes('carol'), 'a join is shown after a reload');
  await say(alice, '/quiet off');
  await sees(alice, 'Joins and leaves are shown again.', 'notice');
  await Nc.enter(house, 'dave');
  await sees(alice, 'dave joined', 'presence');
}

export async function who_is_away_and_where_is_told({ server, page }) {
  const house = await server();
  const bob = await ncIn(house, 'bob', 'den');
  bob.say('/follow lobby', '/away lunch');
  await bob.until(/You are away: lunch/);
  const alice = await page(house.url);
  await enter(alice, 'alice');
  await say(alice, '@bob: there?');
  await bob.until(/alice -> you: there\?/);
  await sees(alice, 'bob is away: lunch', 'notice');
  await say(alice, '/whois bob');
  await until(alice, () => [...document.querySelectorAll('#log .notice')].some((line) => /bob: here since .*; in (den and lobby|lobby and den); away: lunch\./.test(line.textContent)), null, 'no answer to /whois');
  await say(alice, '/away tea', '/away');
  await sees(alice, 'You are away: tea', 'notice');
  await sees(alice, 'You are back.', 'notice');
  await say(alice, '/whois nobody');
  await sees(alice, 'Nobody here is called nobody.', 'refused');
}

export async function a_mention_in_a_followed_room_notifies({ server, page }) {
  const house = await server();
  const bob = await ncIn(house, 'bob', 'den');
  const alice = await page(house.url);
  await noteNotifications(alice, 'granted');
  await enter(alice, 'alice');
  await alice.check('#notify');
  await follows(alice, 'den');
  await alice.evaluate(() => window.dispatchEvent(new Event('blur')));
  bob.say('for nobody', 'alice: for you');
  await badgeIs(alice, 'den', '@2');
  same(await alice.title(), '(1) lobby · chinwag', 'the title');
  same(await alice.evaluate(() => window.notes), ['bob (den): alice: for you'], 'the notifications');
  await alice.evaluate(() => window.dispatchEvent(new Event('focus')));
  same(await alice.title(), '(1) lobby · chinwag', 'the title after a look at the lobby');
  await badgeIs(alice, 'den', '@2');
}
