// Rooms and conversations as views: looking, entering, leaving, drafts, unread messages, a second device, notifications.
import { Nc, check, same } from '../harness.mjs';
import { act, again, badgeIs, connected, counted, disconnected, enter, expected, messages, ncIn, noteNotifications, openCard, roomIs, say, sees, show, until, upToDate } from '../people.mjs';

const listed = (page, list) => page.$$eval(`#${list} [data-key]`, (rooms) => rooms.map((room) => room.dataset.key));
const draftIs = (page, text) => until(page, (wanted) => document.querySelector('#text').value === wanted, text, `the draft is not ${JSON.stringify(text)}`);

export async function room_is_looked_at_without_entering({ server, page, picture }) {
  const house = await server();
  const bob = await ncIn(house, 'bob', 'den');
  bob.say('/topic tea', 'in the den', '/ping told');
  await bob.until(/pong told/);
  const carol = await ncIn(house, 'carol', 'closed');
  carol.say('/room key fish', 'not for all', '/ping told');
  await carol.until(/pong told/);
  const alice = await page(house.url);
  await enter(alice, 'alice');
  await alice.waitForSelector('#otherList [data-key=den]');
  same(await alice.$eval('#otherList [data-key=den]', (node) => node.innerText.split('\n')), ['den', 'tea', '1 here'], 'what the list says of den');
  await alice.click('#otherList [data-key=den]');
  await sees(alice, 'in the den', 'said');
  same(await alice.textContent('#topic'), 'tea', 'the topic');
  await alice.waitForSelector('#peopleList [data-key=bob]');
  check(!await alice.isVisible('#write'), 'one can write in a room that one is not in');
  await picture(alice, 'looking');
  check(!/alice/.test(bob.transcript.text), 'bob is told that somebody looks');
  await alice.click('#otherList [data-key=closed]');
  await until(alice, () => document.querySelector('#looking').textContent.includes('closed needs'), null, 'it is not said that the room needs a key');
  same(await messages(alice), [], 'what is shown of a room with a key');
  await alice.click('#otherList [data-key=den]');
  await alice.click('#joinShown');
  await sees(alice, 'You are in den too', 'notice');
  same(await alice.evaluate(() => document.activeElement.id), 'text', 'the focus');
  await alice.keyboard.type('hello den');
  await alice.keyboard.press('Enter');
  await bob.until(/alice joined \(2 here\)[^]*alice: hello den/);
  await sees(alice, 'hello den', 'own');
  same(await messages(alice), ['in the den', 'hello den'], 'the den');
  same(await listed(alice, 'roomList'), ['lobby', 'den'], 'the rooms of alice');
  // Out of the lobby, and then out of the den, which is the only room left.
  await alice.hover('#roomList [data-key=lobby]');
  await alice.click('#roomList [data-leave="#lobby"]');
  await until(alice, () => document.querySelectorAll('#roomList li').length === 1 && me.room === 'den', null, 'the lobby is not left');
  await alice.hover('#roomList [data-key=den]');
  await alice.click('#roomList [data-leave="#den"]');
  await roomIs(alice, 'lobby');
  await bob.until(/alice left/);
}

export async function each_view_has_its_draft_and_its_place({ server, page }) {
  const house = await server(['--rate', '0']);
  const bob = await ncIn(house, 'bob', 'den');
  bob.say(...Array.from({ length: 100 }, (_, index) => `line ${index + 1}`), '/ping said');
  await bob.until(/pong said/);
  const alice = await page(house.url);
  await enter(alice, 'alice');
  await say(alice, '/follow den');
  await sees(alice, 'You are in den too', 'notice');
  await alice.fill('#text', 'for the lobby');
  await show(alice, 'den');
  await sees(alice, 'line 100', 'said');
  await draftIs(alice, '');
  await alice.fill('#text', 'for the den');
  const place = () => alice.$eval('#log', (log) => Math.round(log.scrollHeight - log.scrollTop));
  for (let pages = 0; pages < 2; pages += 1) await alice.press('#text', 'PageUp');
  await alice.waitForSelector('#newest:not([hidden])');
  const before = await place();
  await show(alice, 'lobby');
  await draftIs(alice, 'for the lobby');
  await show(alice, 'den');
  await draftIs(alice, 'for the den');
  check(Math.abs(await place() - before) < 3, `the place in the den is ${await place()}, not ${before}`);
  await alice.reload();
  await connected(alice);
  await roomIs(alice, 'den');
  await draftIs(alice, 'for the den');
  await alice.press('#text', 'Enter');
  await bob.until(/alice: for the den/);
  await show(alice, 'lobby');
  await draftIs(alice, 'for the lobby');
}

export async function what_is_typed_at_once_behind_a_command_is_not_lost({ server, page }) {
  const house = await server();
  const bob = await Nc.enter(house, 'bob');
  const alice = await page(house.url);
  await enter(alice, 'alice');
  await alice.focus('#text');
  // Without a pause, as fast typists write.
  const type = async (...lines) => {
    for (const text of lines) {
      await alice.keyboard.insertText(text);
      await alice.keyboard.press('Enter');
    }
  };
  await type('/join den', 'in the den', '@bob psst', 'only for bob', '/follow lobby');
  await sees(alice, 'You are in lobby too', 'notice');
  await type('@bob and this', '/join lobby', 'in the lobby');
  await bob.until(/you: psst[^]*you: only for bob[^]*you: and this[^]*alice: in the lobby/);
  await sees(alice, 'in the lobby', 'own');
  check(!bob.transcript.text.includes('in the den'), 'what was for the den is said elsewhere');
  await alice.keyboard.insertText('@nobody hello');
  await alice.keyboard.press('Enter');
  await sees(alice, 'Nobody here is called nobody.', 'refused');
  await roomIs(alice, 'lobby');
  same(await listed(alice, 'talkList'), ['@bob'], 'the conversations');
}

export async function half_a_line_is_not_said_elsewhere({ server, page }) {
  const house = await server();
  const bob = await ncIn(house, 'bob', 'den');
  const alice = await page(`${house.url}#den`);
  await enter(alice, 'alice');
  await alice.fill('#text', 'only for the den');
  bob.say('/kick alice');
  await roomIs(alice, 'lobby');
  await draftIs(alice, '');
  // No member has this name: the text that was typed after the whisper stays in the conversation.
  await alice.evaluate(() => {
    const [{ send }, held] = [WebSocket.prototype, []];
    WebSocket.prototype.send = function (text) { held.push(() => send.call(this, text)); };
    window.sendHeld = () => held.splice(0).forEach((sending) => sending());
  });
  await say(alice, '@bbo first');
  await alice.fill('#text', 'second');
  await alice.evaluate(() => window.sendHeld());
  await sees(alice, 'Nobody here is called bbo.', 'refused');
  await roomIs(alice, 'bbo');
  await draftIs(alice, 'second');
  // A user who shows another view before the answer to /join comes stays in that view.
  await show(alice, 'lobby');
  await say(alice, '/join tea');
  await show(alice, '@bbo');
  await alice.evaluate(() => window.sendHeld());
  await until(alice, () => me.room === 'tea' && home().isComplete && cancelFlush === null, null, 'not in tea');
  await roomIs(alice, 'bbo');
  await draftIs(alice, 'second');
}

export async function nothing_is_left_for_the_next_person({ server, wire, page, folder }) {
  const house = await server(['--store', `${await folder()}/store`]);
  const line = await wire(house);
  const bob = await Nc.enter(house, 'bob');
  const alice = await page(line.url, { expected });
  await enter(alice, 'alice');
  line.loses = 'up';
  await say(alice, '@bob a secret');
  line.cut();
  await disconnected(alice);
  line.mend();
  await again(alice);
  await alice.waitForSelector('#unsaidButtons:not([hidden])');
  await say(alice, '@bob another secret');
  await bob.until(/another secret/);
  await alice.click('#openSearch');
  await alice.fill('#searchWords', 'a secret search');
  await alice.fill('#text', 'a secret draft');
  await alice.click('#quit');
  await alice.waitForSelector('#login:not([hidden])');
  await enter(alice, 'mallory');
  await connected(alice);
  const left = await alice.evaluate(() => {
    const shownText = [...document.querySelectorAll('input, textarea')].map((node) => node.value).join() + document.querySelector('#room').textContent;
    return [shownText, JSON.stringify([{ ...sessionStorage }, { ...localStorage }])].map((text) => text.includes('secret'));
  });
  same(left, [false, false], 'what is left of alice on the page, and in the storage');
  await alice.focus('#text');
  await alice.keyboard.press('ArrowUp');
  await draftIs(alice, '');
}

export async function quiet_room_does_not_cost_the_others_their_messages({ server, wire, page }) {
  const house = await server(['--rate', '0', '--history', '10']);
  const line = await wire(house);
  const bob = await ncIn(house, 'bob', 'den');
  const carol = await Nc.enter(house, 'carol');
  bob.say('once, long ago');
  const alice = await page(line.url, { expected });
  await enter(alice, 'alice');
  await say(alice, '/follow den', '/follow empty');
  await sees(alice, 'You are in empty too', 'notice');
  carol.say(...Array.from({ length: 60 }, (_, index) => `c ${index + 1}`));
  await sees(alice, 'c 60', 'said');
  line.cut();
  await disconnected(alice);
  carol.say(...Array.from({ length: 5 }, (_, index) => `c ${index + 61}`), '/ping said');
  await carol.until(/pong said/);
  line.mend();
  await again(alice);
  await upToDate(alice);
  await sees(alice, 'c 65', 'said');
  counted(await messages(alice), 'c', 65);
  check(!/missed|missing/.test(await alice.innerText('#log')), 'a gap is told where there is none');
}

export async function place_is_kept_when_the_connection_comes_back({ server, wire, page }) {
  const house = await server(['--rate', '0']);
  const line = await wire(house);
  const carol = await Nc.enter(house, 'carol');
  carol.say(...Array.from({ length: 100 }, (_, index) => `c ${index + 1}`), '/ping said');
  await carol.until(/pong said/);
  const alice = await page(line.url, { expected });
  await enter(alice, 'alice');
  await sees(alice, 'c 100', 'said');
  for (let pages = 0; pages < 2; pages += 1) await alice.press('#text', 'PageUp');
  await alice.waitForSelector('#newest:not([hidden])');
  const top = () => alice.evaluate(() => [...document.querySelectorAll('#log .said')].find((node) => node.getBoundingClientRect().bottom > $.log.getBoundingClientRect().top + 60).textContent);
  await until(alice, () => cancelFlush === null, null, 'the page is not at rest');
  const before = await top();
  line.cut();
  await disconnected(alice);
  carol.say('c 101');
  line.mend();
  await again(alice);
  await upToDate(alice);
  await until(alice, () => $.newest.textContent === '1 new message ↓', null, 'what was missed is not counted');
  same(await top(), before, 'the first line in sight');
}

export async function log_begins_with_what_is_unread({ server, page }) {
  const house = await server(['--rate', '0']);
  const bob = await ncIn(house, 'bob', 'den');
  const alice = await page(house.url);
  await enter(alice, 'alice');
  await say(alice, '/follow den');
  await sees(alice, 'You are in den too', 'notice');
  bob.say(...Array.from({ length: 80 }, (_, index) => `line ${index + 1}`));
  await badgeIs(alice, 'den', '80');
  await show(alice, 'den');
  const isInSight = () => {
    const [rule, log] = [document.querySelector('#log .rule.new'), document.querySelector('#log')].map((node) => node?.getBoundingClientRect());
    return rule !== undefined && rule.top >= log.top - 1 && rule.bottom <= log.bottom;
  };
  await until(alice, isInSight, null, 'the first unread message is not in sight');
  await badgeIs(alice, 'den', '80');
  await alice.click('#newest');
  await badgeIs(alice, 'den', '');
}

export async function code_can_be_what_comes_first({ server, page }) {
  const house = await server();
  const bob = await ncIn(house, 'bob', 'den');
  bob.say('```let x = 1```', 'behind', '/ping said');
  await bob.until(/pong said/);
  const alice = await page(house.url);
  await enter(alice, 'alice');
  bob.say('@alice ```let y = 2```');
  await until(alice, () => document.querySelector('#talkList .badge')?.textContent === '1', null, 'the whisper is not counted');
  await show(alice, '@bob');
  await until(alice, () => document.querySelector('#log pre')?.textContent === 'let y = 2', null, 'the whispered code is not shown');
  // Two clicks at once are one look.
  await alice.dblclick('#otherList [data-key=den]');
  await sees(alice, 'behind', 'said');
  await alice.click('#joinShown');
  await sees(alice, 'You are in den too', 'notice');
  same(await messages(alice), ['let x = 1', 'behind'], 'the den');
  // A block of code is written with Enter alone.
  for (const text of ['```js', 'let z = 3;', '```']) {
    await alice.keyboard.insertText(text);
    await alice.keyboard.press('Enter');
  }
  await bob.until(/alice: ```js\r\n.*alice: let z = 3;\r\n.*alice: ```\r\n/);
  await sees(alice, 'let z = 3;', 'own');
  await alice.reload();
  await connected(alice);
  same(await messages(alice), ['let x = 1', 'behind', 'let z = 3;'], 'the den after a reload');
  // Storage that holds something else does not stop the page.
  for (const [key, value] of [['views', 'null'], ['views', '{"views":5}'], ['views', '{"views":[{"kind":"talk","name":"bob"}]}'], ['unsaid', '[1,null]']]) {
    await alice.evaluate(([name, text]) => { saveViews = () => {}; sessionStorage.setItem(`chinwag.${name}`, text); }, [key, value]);
    await alice.reload();
    await connected(alice);
  }
}

export async function conversations_outlive_a_reload({ server, page, picture }) {
  const house = await server();
  const bob = await Nc.enter(house, 'bob');
  const alice = await page(house.url);
  await enter(alice, 'alice');
  await openCard(alice, 'bob');
  await act(alice, 'bob', 'whisper');
  await say(alice, 'psst', '```', 'let x = 1;', '```');
  await bob.until(/you: psst[^]*let x = 1/);
  await show(alice, 'lobby');
  bob.say('@alice one', '@alice two', '/ping said');
  await bob.until(/pong said/);
  await until(alice, () => document.querySelector('#talkList .badge').textContent === '2', null, 'whispers are not counted');
  await picture(alice, 'conversations');
  await alice.reload();
  await connected(alice);
  same(await alice.textContent('#talkList .badge'), '2', 'what is unread after a reload');
  await show(alice, '@bob');
  same(await alice.$$eval('#log .whisper .text', (nodes) => nodes.map((node) => node.textContent)), ['psst', 'let x = 1;', 'one', 'two'], 'the conversation');
  same(await alice.$eval('#log .rule.new + .line .text', (node) => node.textContent).catch(() => 'none'), 'one', 'the first that is unread');
  await until(alice, () => document.querySelector('#talkList .badge').hidden, null, 'the whispers stay unread');
  bob.say('/nick bobby');
  await roomIs(alice, 'bobby');
  bob.say('@alice three');
  await sees(alice, 'three', 'whisper');
  same(await listed(alice, 'talkList'), ['@bobby'], 'the conversations');
  await alice.hover('#talkList [data-key="@bobby"]');
  await alice.click('#talkList [data-leave]');
  await roomIs(alice, 'lobby');
  same(await listed(alice, 'talkList'), [], 'the conversations after closing');
}

export async function second_device_has_the_same_rooms_and_unread_messages({ server, page, folder }) {
  const house = await server(['--store', `${await folder()}/store`]);
  const bob = await ncIn(house, 'bob', 'den');
  const desk = await page(house.url);
  await enter(desk, 'alice');
  await say(desk, '/register correct-horse', '/follow den');
  await sees(desk, 'You are in den too', 'notice');
  await show(desk, 'den');
  bob.say('one', 'two');
  await sees(desk, 'two', 'said');
  await until(desk, () => findRoom('den').reportedId === findRoom('den').lastId, null, 'the page does not report what was read');
  await show(desk, 'lobby');
  bob.say('three', 'alice: four');
  await badgeIs(desk, 'den', '@2');
  const phone = await page(house.url);
  await phone.fill('#nickname', 'alice');
  await phone.press('#nickname', 'Enter');
  await phone.waitForSelector('#password:not([hidden])');
  await phone.fill('#password', 'correct-horse');
  await phone.press('#password', 'Enter');
  await phone.waitForSelector('#room:not([hidden])');
  await badgeIs(phone, 'den', '@2');
  await show(phone, 'den');
  await sees(phone, 'four', 'mention');
  same(await phone.$eval('#log .rule.new + .line .text', (node) => node.textContent), 'three', 'the first that is unread');
  await badgeIs(desk, 'den', '');
  await until(desk, () => pending.length === 0, null, 'the page takes lines for unanswered');
}

export async function people_are_marked_as_away({ server, page }) {
  const house = await server();
  const bob = await Nc.enter(house, 'bob');
  bob.say('/away lunch');
  await bob.until(/You are away/);
  const alice = await page(house.url);
  await enter(alice, 'alice');
  const roleIs = (text) => until(alice, (wanted) => document.querySelector('#peopleList [data-key=bob]')?.lastChild.textContent.trim() === wanted, text, `bob is not marked as ${JSON.stringify(text)}`);
  await roleIs('away');
  await openCard(alice, 'bob');
  await until(alice, () => document.querySelector('#cardFacts').textContent.includes('lunch'), null, 'the card does not say why');
  await alice.keyboard.press('Escape');
  bob.say('/away');
  await roleIs('');
  bob.say('/away again');
  await roleIs('away');
  check(!(await alice.innerText('#log')).includes('away'), 'it is told in the room');
}

export async function click_gives_the_focus_back({ server, page }) {
  const house = await server();
  const bob = await ncIn(house, 'bob', 'den');
  const carol = await Nc.enter(house, 'carol');
  const alice = await page(house.url);
  await enter(alice, 'alice');
  carol.say('some words to choose');
  await sees(alice, 'some words', 'said');
  const focused = () => alice.evaluate(() => document.activeElement.id);
  await say(alice, '/follow den');
  await sees(alice, 'You are in den too', 'notice');
  for (const place of ['#log', '#roomName', '#roomList [data-key=den]', '#refresh', '#peopleTitle']) {
    await alice.click(place);
    same(await focused(), 'text', `the focus after a click on ${place}`);
  }
  await show(alice, 'lobby');
  await alice.dblclick('#log .said .text', { position: { x: 12, y: 10 } });
  same(await alice.evaluate(() => getSelection().toString().trim().length > 0), true, 'a selection is lost');
  await alice.click('#joinRoom');
  same(await focused(), 'joinRoom', 'the focus in another field');
  bob.leave();
}

export async function levels_of_notification_belong_to_rooms({ server, page }) {
  const house = await server();
  const bob = await Nc.enter(house, 'bob');
  const alice = await page(house.url);
  await noteNotifications(alice, 'granted');
  await enter(alice, 'alice');
  await alice.check('#notify');
  await alice.evaluate(() => window.dispatchEvent(new Event('blur')));
  const told = async (level, ...lines) => {
    await alice.selectOption('#level', level);
    bob.say(...lines);
    await sees(alice, lines.at(-1), 'said');
  };
  await told('all', 'one');
  await told('mentions', 'two', 'alice: three');
  await told('none', 'alice: four');
  same(await alice.evaluate(() => window.notes), ['bob: one', 'bob: alice: three'], 'the notifications');
  await alice.reload();
  await connected(alice);
  same(await alice.$eval('#level', (level) => level.value), 'none', 'the level after a reload');
}

export async function browser_without_https_says_why_it_does_not_notify({ server, page }) {
  const house = await server();
  const alice = await page(house.url);
  await enter(alice, 'alice');
  check(!await alice.isDisabled('#notify'), 'the switch is disabled on this machine');
  await alice.evaluate(() => { Object.defineProperty(window, 'isSecureContext', { value: false }); drawNotify(); });
  check(await alice.isDisabled('#notify'), 'the switch can be used');
  same(await alice.textContent('#notifyWhy'), 'Browsers show notifications only for pages that come by https.', 'why');
}

export async function nothing_is_lost_or_doubled_in_views({ server, wire, page }) {
  const house = await server(['--rate', '0', '--history', '1000']);
  const line = await wire(house);
  const talkers = { lobby: await Nc.enter(house, 'carol'), den: await ncIn(house, 'bob', 'den'), cellar: await ncIn(house, 'dora', 'cellar') };
  const said = { lobby: 0, den: 0, cellar: 0 };
  const talk = () => { for (const room of Object.keys(said)) talkers[room].say(`${room} ${said[room] += 1}`, `${room} ${said[room] += 1}`); };
  const alice = await page(line.url, { expected });
  await enter(alice, 'alice');
  await say(alice, '/follow den', '/follow cellar');
  await sees(alice, 'You are in cellar too', 'notice');
  let own = 0;
  for (let round = 0; round < 10; round += 1) {
    const room = Object.keys(said)[round % 3];
    talk();
    await show(alice, room);
    await say(alice, `own ${own += 1}`);
    await sees(alice, `own ${own}`, 'own');
    line.cut();
    await disconnected(alice);
    talk();
    line.mend();
    await again(alice);
    await upToDate(alice);
    if (round === 5) {
      await alice.reload();
      await connected(alice);
      await roomIs(alice, room);
    }
  }
  talk();
  for (const room of Object.keys(said)) {
    await show(alice, room);
    await sees(alice, `${room} ${said[room]}`, 'said');
    counted(await messages(alice), room, said[room]);
  }
}

export async function banner_and_hint_say_what_is_true({ server, wire, page }) {
  const house = await server();
  const line = await wire(house);
  const alice = await page(line.url, { expected });
  await enter(alice, 'alice');
  line.cut();
  await disconnected(alice);
  await alice.fill('#text', 'kept');
  await alice.press('#text', 'Enter');
  same(await alice.textContent('#hint'), 'Not connected. What you typed is kept.', 'what is said');
  line.mend();
  await again(alice);
  same(await alice.textContent('#hint'), '', 'what is said after coming back');
  same(await alice.inputValue('#text'), 'kept', 'what was typed');
  await house.stop();
  await disconnected(alice);
  check((await alice.textContent('#banner')).startsWith('The server has stopped. Trying again'), 'the banner after a stop');
}
