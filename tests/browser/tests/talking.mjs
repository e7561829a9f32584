// Coming in, talking, whispering, rooms, waiting.
import { Nc, check, same } from '../harness.mjs';
import { act, enter, messages, say, sees, show, until } from '../people.mjs';

const path = (page) => decodeURIComponent(new URL(page.url()).hash.slice(1));

export async function two_pages_and_one_at_nc_talk({ server, page }) {
  const house = await server();
  const carol = await Nc.enter(house, 'carol');
  carol.say('said before');
  const [alice, bob] = [await page(house.url), await page(house.url)];
  await enter(alice, 'alice');
  await sees(alice, 'said before', 'said');
  await enter(bob, 'bob');
  await sees(alice, 'bob joined', 'presence');
  await carol.until(/bob joined/);
  await say(alice, 'from alice');
  await sees(bob, 'from alice', 'said');
  await say(bob, 'from bob');
  await carol.until(/bob: from bob/);
  carol.say('from carol', '/me waves');
  await sees(alice, 'waves', 'action');
  await sees(bob, 'waves', 'action');
  const all = ['said before', 'from alice', 'from bob', 'from carol', 'waves'];
  same(await messages(alice), all, 'what alice reads');
  same(await messages(bob), all, 'what bob reads');
  same(await alice.$$eval('.own', (own) => own.map((line) => line.querySelector('.text').textContent)), ['from alice'], 'what alice takes for her own');
  check(await alice.$eval('#log time', (time) => /^\d\d:\d\d$/.test(time.textContent)), 'a message has no time');
  check(await alice.$('#log .rule') !== null, 'there is no day before the first message');
  same(await alice.$$eval('#peopleList li', (items) => items.map((item) => item.textContent)), ['alice (you)', 'bob', 'carol'], 'the list of people');
  await say(bob, '/nick bobby');
  await sees(alice, 'bob is now called bobby', 'presence');
  await sees(bob, 'You are now called bobby', 'notice');
  await say(bob, '/quit lunch');
  await sees(alice, 'bobby left: “lunch”', 'presence');
  await until(bob, () => document.querySelector('#why').textContent.startsWith('Goodbye'), null, 'no farewell');
  carol.leave();
  await sees(alice, 'carol left', 'presence');
}

export async function colours_of_names_are_the_same_for_everybody({ server, page }) {
  const house = await server();
  const [alice, bob] = [await page(house.url), await page(house.url, { colorScheme: 'dark' })];
  await enter(alice, 'alice');
  await enter(bob, 'bob');
  await say(alice, 'one');
  await say(bob, 'two');
  await sees(alice, 'two', 'said');
  await sees(bob, 'two', 'said');
  const hues = (page) => page.$$eval('#log .said .name', (names) => names.map((name) => name.style.getPropertyValue('--hue')));
  const found = await hues(alice);
  check(found[0] !== found[1], 'alice and bob have one colour');
  same(await hues(bob), found, 'the colours that bob sees');
}

export async function whispers_go_both_ways_and_to_nobody_else({ server, page }) {
  const house = await server();
  const carol = await Nc.enter(house, 'carol');
  const [alice, bob] = [await page(house.url), await page(house.url)];
  await enter(alice, 'alice');
  await enter(bob, 'bob');
  await sees(alice, 'bob joined', 'presence');
  await act(alice, 'bob', 'whisper');
  same(await alice.getAttribute('#text', 'placeholder'), 'Whisper to bob', 'the page says to whom it goes');
  await alice.keyboard.type('between us');
  await alice.keyboard.press('Enter');
  await until(bob, () => document.querySelector('#talkList [data-key="@alice"] .badge')?.textContent === '1', null, 'the whisper is not counted');
  same(await messages(bob), [], 'what bob reads in the lobby');
  await show(bob, '@alice');
  await sees(bob, 'alice whispers to you between us', 'whisper');
  await sees(alice, 'You whisper to bob between us', 'whisper');
  await say(bob, '/r indeed');
  await sees(alice, 'bob whispers to you indeed', 'whisper');
  await show(alice, 'lobby');
  await alice.fill('#text', '@carol hello carol');
  same(await alice.textContent('#hint'), 'Whisper to carol', 'the page says to whom it goes');
  await alice.press('#text', 'Enter');
  await carol.until(/alice -> you: hello carol/);
  carol.say('/r hello alice', 'aloud');
  await sees(alice, 'carol whispers to you hello alice', 'whisper');
  await say(alice, '/me waves');
  same(await alice.textContent('#hint'), 'Actions cannot be whispered', 'an action in a conversation');
  await alice.fill('#text', '');
  await show(bob, 'lobby');
  await sees(bob, 'aloud', 'said');
  check(!(await bob.innerText('#log')).includes('hello'), 'bob reads what was not for him');
  check(!carol.transcript.text.includes('between us'), 'carol reads what was not for her');
  await say(alice, '@nobody hi');
  await sees(alice, 'Nobody here is called nobody', 'refused');
}

export async function a_click_in_a_busy_list_is_not_lost({ server, page }) {
  const house = await server();
  const carol = await Nc.enter(house, 'carol');
  const alice = await page(house.url);
  await enter(alice, 'alice');
  const box = await (await alice.waitForSelector('#peopleList [data-key=carol]')).boundingBox();
  await alice.mouse.move(box.x + 10, box.y + 10);
  await alice.mouse.down();
  // Those who come and go while the button is down stand below her.
  const zoe = await Nc.enter(house, 'zoe');
  await alice.waitForSelector('#peopleList [data-key=zoe]');
  zoe.leave();
  await alice.waitForSelector('#peopleList [data-key=zoe]', { state: 'detached' });
  await alice.mouse.up();
  same(await alice.textContent('#cardName'), 'carol', 'what the click opens');
  await alice.keyboard.press('Escape');
  await alice.focus('#peopleList [data-key=carol]');
  carol.leave();
  await alice.waitForSelector('#peopleList [data-key=carol]', { state: 'detached' });
  same(await alice.evaluate(() => document.activeElement.id), 'text', 'the focus, when who had it has left');
}

export async function a_refused_name_is_told_why({ server, page }) {
  const house = await server();
  const bob = await Nc.enter(house, 'bob');
  const alice = await page(house.url);
  const why = (text) => until(alice, (wanted) => document.querySelector('#why').textContent.includes(wanted), text, `no reason with ${text}`);
  for (const [name, reason] of [['bob', 'bob is taken'], ['a b', '1 to 24 characters'], ['server', 'server is reserved']]) {
    await alice.fill('#nickname', name);
    await alice.press('#nickname', 'Enter');
    await why(reason);
    check(await alice.getAttribute('#nickname', 'aria-invalid') === 'true', 'the field is not marked as wrong');
  }
  await enter(alice, 'alice');
  await bob.until(/alice joined/);
  await alice.reload();
  await alice.waitForSelector('#room:not([hidden])');
  same(await alice.evaluate(() => localStorage.getItem('chinwag.name')), 'alice', 'the name that is remembered');
  await say(alice, '/nick bob');
  await sees(alice, 'bob is taken', 'refused');
}

export async function rooms_are_listed_joined_and_left({ server, page }) {
  const house = await server();
  const carol = await Nc.enter(house, 'carol');
  carol.say('/join kitchen', 'tea is ready');
  await carol.until(/You are in kitchen/);
  const alice = await page(house.url);
  await enter(alice, 'alice');
  same(path(alice), 'lobby', 'the room in the address');
  await say(alice, 'in the lobby');
  await alice.click('#otherList [data-key=kitchen]');
  await sees(alice, 'tea is ready', 'said');
  check(!carol.transcript.text.includes('alice joined'), 'a look at a room is told there');
  same(await alice.textContent('#looking'), 'You are looking at kitchen. To talk, enter it.', 'what is said of it');
  await alice.click('#joinShown');
  await carol.until(/alice joined/);
  await sees(alice, 'You are in kitchen too', 'notice');
  same(path(alice), 'kitchen', 'the room in the address');
  same(await alice.textContent('#roomName'), 'kitchen', 'the title');
  await say(alice, 'hello kitchen');
  await carol.until(/alice: hello kitchen/);
  await alice.goBack();
  await sees(alice, 'in the lobby', 'said');
  await alice.fill('#joinRoom', '茶室');
  await alice.press('#joinRoom', 'Enter');
  await sees(alice, 'You are in 茶室 too, alone so far', 'notice');
  same(path(alice), '茶室', 'the room in the address');
  await say(alice, '/join kitchen');
  await until(alice, () => me.room === 'kitchen' && document.querySelectorAll('#roomList li').length === 2, null, 'not in the kitchen');
  same(await messages(alice), ['tea is ready', 'hello kitchen'], 'the kitchen on coming back');
  same(await alice.$$eval('#roomList [data-key]', (found) => found.map((node) => node.dataset.key)), ['kitchen', '茶室'], 'the rooms, after the lobby was left for the kitchen');
  await say(alice, '/leave');
  await until(alice, () => document.querySelector('#roomName').textContent === 'lobby', null, 'not in the lobby');
  same(await messages(alice), ['in the lobby'], 'the lobby on coming back');
  await say(alice, '/join a/b');
  await sees(alice, 'The name of a room is', 'refused');
  await say(alice, '/rooms');
  await sees(alice, 'kitchen (1)', 'notice');
  const bob = await page(`${house.url}#kitchen`);
  await enter(bob, 'bob');
  await carol.until(/bob joined/);
  await sees(bob, 'tea is ready', 'said');
}

export async function the_history_can_be_read_again({ server, page }) {
  const house = await server(['--history', '3']);
  const carol = await Nc.enter(house, 'carol');
  carol.say('one', 'two', 'three', 'four', '/ping said');
  await carol.until(/pong said/);
  const alice = await page(house.url);
  await enter(alice, 'alice');
  await sees(alice, 'four', 'said');
  same(await messages(alice), ['two', 'three', 'four'], 'the history');
  await say(alice, '/history 2', '/ping done');
  await sees(alice, 'Pong done', 'notice');
  same(await messages(alice), ['two', 'three', 'four'], 'the messages after /history');
  await alice.waitForSelector('#log .found');
  await say(alice, '/history none');
  await sees(alice, 'with n from 1 to 3', 'refused');
}

export async function who_waits_in_line_reads_their_number({ server, page, picture }) {
  const house = await server(['--max-clients', '2']);
  const carol = await Nc.enter(house, 'carol');
  const [alice, bob, dave] = [await page(house.url), await page(house.url), await page(house.url)];
  await enter(alice, 'alice');
  const numbered = (page, number) => until(page, (wanted) => document.querySelector('#number').textContent === wanted, String(number), `not number ${number} in line`);
  const lineUp = async (page, name, number) => {
    await page.fill('#nickname', name);
    await page.press('#nickname', 'Enter');
    await page.waitForSelector('#waiting:not([hidden])');
    await numbered(page, number);
  };
  await lineUp(bob, 'bob', 1);
  await lineUp(dave, 'dave', 2);
  await picture(dave, 'waiting');
  check((await dave.title()).startsWith('#2'), 'the number is not in the title');
  check((await dave.textContent('#inLine')).includes('let in as dave'), 'the page does not say how it goes on');
  carol.leave();
  await bob.waitForSelector('#room:not([hidden])');
  await sees(alice, 'bob joined', 'presence');
  await numbered(dave, 1);
  await dave.click('#leaveLine');
  await dave.waitForSelector('#login:not([hidden])');
}

export async function every_command_can_be_typed({ server, page }) {
  const house = await server();
  const carol = await Nc.enter(house, 'carol');
  const alice = await page(house.url);
  await enter(alice, 'alice');
  const answers = [
    ['/help', '/history [n]', 'help'],
    ['/ping there?', 'Pong there?', 'notice'],
    ['/who', '2 in lobby: carol and you.', 'notice'],
    ['/who nowhere', 'There is no room nowhere.', 'refused'],
    ['/rooms', 'Rooms: lobby (2).', 'notice'],
    ['/r hm', 'Nobody has whispered to you yet.', 'refused'],
    ['/me', '/me text', 'refused'],
    ['/msg carol by the way', 'You whisper to carol by the way', 'whisper'],
    ['/say in the conversation', 'You whisper to carol in the conversation', 'whisper'],
    ['/join lobby', 'You are in lobby already.', 'refused'],
    // The rest is typed in the lobby.
    ['', '', ''],
    ['/say /slash', '/slash', 'said'],
    ['//double', '/double', 'said'],
    ['@@at', '@at', 'said'],
    ['/ignore carol', 'You no longer read carol.', 'notice'],
    ['/ignore', 'You ignore carol.', 'notice'],
    ['/unignore carol', 'You read carol again.', 'notice'],
    ['/echo off', 'You no longer read your own lines.', 'notice'],
    ['/echo on', 'You read your own lines again.', 'notice'],
    ['/fly', 'There is no command /fly.', 'refused'],
    ['/nick alice', 'You are called alice already.', 'refused'],
  ];
  for (const [typed, answer, kind] of answers) {
    if (typed === '') await show(alice, 'lobby');
    else await say(alice, typed);
    if (!answer) continue;
    await sees(alice, answer, kind);
  }
  await carol.until(/alice -> you: by the way[^]*alice -> you: in the conversation[^]*alice: \/slash[^]*alice: \/double[^]*alice: @at/);
  await until(alice, () => pending.length === 0, null, 'the page takes lines for unanswered');
  await say(alice, 'Q');
  await alice.waitForSelector('#login:not([hidden])');
  await carol.until(/alice left/);
}

export async function names_may_be_addresses({ server, page }) {
  const house = await server(['--login', 'address']);
  const alice = await page(house.url);
  await enter(alice, 'whoever');
  await sees(alice, 'You are 127.0.0.1:', 'notice');
  await say(alice, 'hello');
  await sees(alice, 'hello', 'own');
}

export async function one_may_talk_with_the_operator_alone({ server, page }) {
  const house = await server(['--mode', 'p2p']);
  const alice = await page(house.url);
  await enter(alice, 'whoever');
  house.type('good evening');
  await sees(alice, 'good evening', 'said');
  await say(alice, 'good evening, too');
  await sees(alice, 'good evening, too', 'own');
  const other = await page(house.url);
  await other.fill('#nickname', 'late');
  await other.press('#nickname', 'Enter');
  await until(other, () => document.querySelector('#why').textContent.includes('talking with somebody else'), null, 'no reason');
  await say(alice, '/quit');
  await until(alice, () => document.querySelector('#why').textContent.startsWith('Goodbye'), null, 'no farewell');
}

export async function the_operator_is_heard_and_obeyed({ server, page }) {
  const house = await server();
  const alice = await page(house.url);
  await enter(alice, 'alice');
  house.type('welcome, all');
  await sees(alice, 'welcome, all', 'said');
  house.type('@alice a word');
  await show(alice, '@server');
  await sees(alice, 'server whispers to you a word', 'whisper');
  await say(alice, '@server yes?');
  await sees(alice, 'You whisper to server yes?', 'whisper');
  house.type('/kick alice too loud');
  await until(alice, () => document.querySelector('#why').textContent.includes('removed by the operator: too loud'), null, 'no reason for the kick');
  await enter(alice, 'alice');
  house.type('/ban alice');
  await until(alice, () => /banned|removed/.test(document.querySelector('#why').textContent) && !document.querySelector('#login').hidden, null, 'no reason for the ban');
}

export async function chinese_for_those_who_read_it({ server, page, picture }) {
  const house = await server();
  const bob = await Nc.enter(house, 'bob');
  bob.say('你好');
  const zhang = await page(house.url, { locale: 'zh-CN' });
  same(await zhang.getAttribute('html', 'lang'), 'zh-CN', 'the language of the page');
  same(await zhang.textContent('#go'), '进入', 'the button');
  await zhang.fill('#nickname', 'bob');
  await zhang.press('#nickname', 'Enter');
  await until(zhang, () => document.querySelector('#why').textContent === '昵称bob已经存在，请换一个。', null, 'no reason in Chinese');
  await enter(zhang, '张三');
  await bob.until(/张三 joined/);
  bob.say('张三你来了');
  await sees(zhang, '张三你来了', 'mention');
  await say(zhang, '@carol 在吗');
  await sees(zhang, '不存在用户名为carol的用户', 'refused');
  await say(zhang, '@bob 在');
  await sees(zhang, '您对bob私聊', 'whisper');
  await show(zhang, 'lobby');
  bob.leave();
  await sees(zhang, 'bob退出了聊天室', 'presence');
  await picture(zhang, 'chinese');
  const latin = await zhang.$$eval('[data-t], [data-t-label], [data-t-placeholder]', (nodes) => nodes.map((node) => `${node.textContent.trim()}${node.getAttribute('aria-label') ?? ''}`).filter((text) => /^[\x20-\x7e]+$/.test(text)));
  same(latin, [], 'what is left in English');
}

export async function both_languages_have_words_for_the_same_things({ server, page }) {
  const house = await server();
  const alice = await page(house.url);
  const [en, zh] = await alice.evaluate(() => {
    const named = (value, path) => typeof value === 'object' && !Array.isArray(value) ? Object.entries(value).flatMap(([key, inner]) => named(inner, `${path}.${key}`)) : [`${path}: ${Array.isArray(value) ? value.length : typeof value}`];
    return [TEXTS.en, TEXTS.zh].map((texts) => named(texts, '').sort());
  });
  same(en.filter((each) => !zh.includes(each)), [], 'what is not in Chinese');
  same(zh.filter((each) => !en.includes(each)), [], 'what is not in English');
}
