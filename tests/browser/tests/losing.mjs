// The connection is lost, and comes back: nothing is lost or doubled.
import { Nc, check, random, same } from '../harness.mjs';
import { again, connected, counted, disconnected, enter, expected, messages, noteNotifications, roomIs, say, sees, show, until, upToDate } from '../people.mjs';

export async function what_was_missed_comes_once_and_what_was_typed_stays({ server, wire, page, picture }) {
  const house = await server(['--rate', '0']);
  const line = await wire(house);
  const carol = await Nc.enter(house, 'carol');
  const alice = await page(line.url, { expected });
  await enter(alice, 'alice');
  const asked = [];
  alice.on('websocket', (socket) => asked.push(socket.url()));
  let said = 0;
  const tell = () => { carol.say(...Array.from({ length: 5 }, () => `c ${said += 1}`)); };
  for (let round = 1; round <= 3; round += 1) {
    tell();
    await sees(alice, `c ${said}`, 'said');
    await alice.fill('#text', `half a thought ${round}`);
    line.cut();
    await disconnected(alice);
    if (round === 1) await picture(alice, 'lost');
    await carol.until(new RegExp(`(alice left[^]*){${round}}`));
    tell();
    await alice.press('#text', 'Enter');
    same(await alice.inputValue('#text'), `half a thought ${round}`, 'what was typed');
    line.mend();
    await again(alice);
    tell();
    await sees(alice, `c ${said}`, 'said');
    same(await alice.inputValue('#text'), `half a thought ${round}`, 'what was typed');
  }
  counted(await messages(alice), 'c', said);
  check(/[?&]run=[0-9a-f]+&after=\d+/.test(asked.at(-1)), `the page does not say what it has: ${asked.at(-1)}`);
  check(await alice.$eval('#unsaid', (tray) => tray.hidden), 'something is taken for unsaid');
  await alice.reload();
  await connected(alice);
  same(await alice.inputValue('#text'), 'half a thought 3', 'what was typed, after a reload');
  counted(await messages(alice), 'c', said);
}

export async function lines_that_were_said_are_not_said_again({ server, wire, page }) {
  const house = await server();
  const line = await wire(house);
  const carol = await Nc.enter(house, 'carol');
  const alice = await page(line.url, { expected });
  await enter(alice, 'alice');
  await say(alice, 'heard');
  await sees(alice, 'heard', 'own');
  // It arrives, but nothing comes back of it.
  line.loses = 'down';
  await say(alice, 'arrived', '/me nods');
  await carol.until(/alice nods/);
  line.cut();
  await carol.until(/alice left/);
  line.mend();
  await again(alice);
  await sees(alice, 'arrived', 'own');
  same(await messages(alice), ['heard', 'arrived', 'nods'], 'what alice reads');
  check(await alice.$eval('#unsaid', (tray) => tray.hidden), 'what was said is taken for unsaid');
}

export async function lines_that_were_not_said_are_given_back({ server, wire, page, picture }) {
  const house = await server();
  const line = await wire(house);
  const carol = await Nc.enter(house, 'carol');
  const alice = await page(line.url, { expected });
  await enter(alice, 'alice');
  line.loses = 'up';
  await say(alice, 'first', '@carol second');
  await roomIs(alice, 'carol');
  await show(alice, 'lobby');
  await alice.fill('#text', 'being written');
  line.cut();
  await sees(alice, '', 'notice');
  await disconnected(alice);
  await carol.until(/alice left/);
  line.mend();
  await again(alice);
  await alice.waitForSelector('#unsaidButtons:not([hidden])');
  same(await alice.$$eval('#unsaidLines li', (lines) => lines.map((line) => line.textContent)), ['first', '@carol second'], 'what was not said');
  check((await alice.textContent('#unsaidWhy')).startsWith('The server did not confirm'), 'the page knows of a whisper what it cannot know');
  await picture(alice, 'unsaid');
  await alice.reload();
  await connected(alice);
  same(await alice.$$eval('#unsaidLines li', (lines) => lines.map((line) => line.textContent)), ['first', '@carol second'], 'what was not said, after a reload');
  await alice.click('#again');
  await carol.until(/alice: first[^]*alice -> you: second/);
  await show(alice, '@carol');
  await sees(alice, 'You whisper to carol second', 'whisper');
  await show(alice, 'lobby');
  same(await messages(alice), ['first'], 'what alice reads');
  same(await alice.inputValue('#text'), 'being written', 'what was typed');
  check(await alice.$eval('#unsaid', (tray) => tray.hidden), 'what was said is still kept as unsaid');
  line.loses = 'up';
  await say(alice, 'third');
  line.cut();
  await disconnected(alice);
  line.mend();
  await again(alice);
  await alice.waitForSelector('#unsaidButtons:not([hidden])');
  check((await alice.textContent('#unsaidWhy')).startsWith('This line did not arrive'), 'the page is not sure of what it knows');
  await alice.click('#edit');
  same(await alice.inputValue('#text'), 'third', 'the line that is to be edited');
  await alice.press('#text', 'Enter');
  await carol.until(/alice: third/);
  await sees(alice, 'third', 'own');
  same(await messages(alice), ['first', 'third'], 'what alice reads');
}

export async function nothing_is_lost_or_doubled_however_often_the_line_is_cut({ server, wire, page }) {
  const { seed, below } = random();
  const house = await server(['--rate', '0', '--history', '1000']);
  const line = await wire(house);
  const carol = await Nc.enter(house, 'carol');
  const alice = await page(line.url, { expected });
  await enter(alice, 'alice');
  const said = { a: 0, c: 0 };
  const carolTalks = () => { for (let left = below(4); left > 0; left -= 1) carol.say(`c ${said.c += 1}`); };
  for (let round = 0; round < 10; round += 1) {
    carolTalks();
    line.loses = ['', 'up', 'down'][below(3)];
    for (let left = below(4); left > 0; left -= 1) await say(alice, `a ${said.a += 1}`);
    carolTalks();
    line.cut();
    await disconnected(alice);
    carolTalks();
    line.mend();
    await again(alice);
    carolTalks();
    await upToDate(alice);
    if (await alice.isVisible('#again')) await alice.click('#again');
  }
  carol.say(`c ${said.c += 1}`);
  await say(alice, `a ${said.a += 1}`);
  await carol.until(new RegExp(`alice: a ${said.a}\\r`));
  await sees(alice, `a ${said.a}`, 'own');
  await sees(alice, `c ${said.c}`, 'said');
  const read = await messages(alice);
  counted(read, 'c', said.c, seed);
  // A line that is sent again comes after those that were said meanwhile.
  counted(read.toSorted((one, other) => Number(one.slice(2)) - Number(other.slice(2))), 'a', said.a, seed);
  const heard = [...carol.transcript.text.matchAll(/alice: (a \d+)\r/g)].map(([, text]) => text);
  same(read.filter((text) => text.startsWith('a ')), heard, `what alice reads of her own lines, beside what carol heard (seed ${seed})`);
}

export async function another_run_of_the_server_goes_on_in_the_same_page({ server, page }) {
  const house = await server();
  const alice = await page(house.url, { expected });
  await enter(alice, 'alice');
  await say(alice, '/join kitchen', 'before');
  await sees(alice, 'before', 'own');
  await alice.fill('#text', 'being written');
  await house.stop();
  await disconnected(alice);
  check((await alice.textContent('#lost')).includes('The server has stopped.'), 'the page does not say why');
  const next = await server([], `127.0.0.1:${house.webPort}`);
  const carol = await Nc.enter(next, 'carol');
  carol.say('/join kitchen', 'after');
  await carol.until(/You are in kitchen/);
  await again(alice);
  await sees(alice, 'after', 'said');
  await sees(alice, 'The server was restarted', 'rule');
  same(await messages(alice), ['before', 'after'], 'what alice reads');
  same(await alice.inputValue('#text'), 'being written', 'what was typed');
  await say(alice, 'and on');
  await carol.until(/alice: and on/);
}

export async function ones_own_lost_connection_gives_the_name_back({ server, wire, page }) {
  const house = await server();
  const line = await wire(house);
  const alice = await page(line.url, { expected });
  await enter(alice, 'alice');
  // The server has not noticed the loss: a member of this name is still there.
  line.cut();
  await disconnected(alice);
  const ghost = await Nc.enter(house, 'alice');
  line.mend();
  await alice.click('#now', { timeout: 2000 }).catch(() => {});
  await until(alice, () => document.querySelector('#why').textContent.includes('keeps trying'), null, 'the page does not say that it waits for the name');
  ghost.leave();
  await connected(alice);
  same(await alice.textContent('#peopleList .self'), 'alice (you)', 'the name');
}

export async function unread_messages_are_counted_in_the_title({ server, page, picture }) {
  const house = await server();
  const carol = await Nc.enter(house, 'carol');
  const alice = await page(house.url);
  await enter(alice, 'alice');
  same(await alice.title(), 'lobby · chinwag', 'the title');
  await alice.evaluate(() => window.dispatchEvent(new Event('blur')));
  carol.say('one', 'two', '@alice three', '/ping said');
  await carol.until(/pong said/);
  await until(alice, () => document.title === '(3) lobby · chinwag', null, 'the title does not say (3)');
  check(await alice.$('.rule.new') !== null, 'nothing says where the unread begin');
  await picture(alice, 'unread');
  await alice.evaluate(() => window.dispatchEvent(new Event('focus')));
  same(await alice.title(), '(1) lobby · chinwag', 'the title after a look at the lobby');
  await show(alice, '@carol');
  await until(alice, () => document.title === 'carol · chinwag', null, 'the title after a look at the whisper');
}

export async function notifications_come_only_to_who_asked_for_them({ server, page }) {
  const house = await server();
  const carol = await Nc.enter(house, 'carol');
  const alice = await page(house.url);
  await noteNotifications(alice, 'default');
  await enter(alice, 'alice');
  await alice.evaluate(() => window.dispatchEvent(new Event('blur')));
  carol.say('@alice one');
  await until(alice, () => findTalk('carol')?.unread === 1, null, 'the whisper has not come');
  await alice.check('#notify');
  carol.say('@alice two', 'for nobody in particular', 'alice: three');
  await sees(alice, 'three', 'mention');
  await alice.evaluate(() => window.dispatchEvent(new Event('focus')));
  carol.say('@alice four');
  await until(alice, () => findTalk('carol').unread === 3, null, 'the whisper has not come');
  same(await alice.evaluate(() => window.notes), ['carol: two', 'carol: alice: three'], 'the notifications');
}

export async function frames_and_timers_are_not_taken_for_each_other({ server, page }) {
  const house = await server(['--rate', '0']);
  const carol = await Nc.enter(house, 'carol');
  const alice = await page(house.url);
  await alice.evaluate(() => {
    // Numbers of frames that no timer has.
    const far = 1_000_000_000;
    const [frame, cancel, clear] = ['requestAnimationFrame', 'cancelAnimationFrame', 'clearTimeout'].map((name) => window[name].bind(window));
    window.mistaken = [];
    window.requestAnimationFrame = (call) => far + frame(call);
    window.cancelAnimationFrame = (id) => { if (id && id < far) window.mistaken.push(`frame ${id}`); cancel(id - far); };
    window.clearTimeout = (id) => { if (id >= far) window.mistaken.push(`timer ${id - far}`); clear(id); };
  });
  await enter(alice, 'alice');
  carol.say(...Array.from({ length: 3000 }, (_, index) => `line ${index + 1}`));
  await sees(alice, 'line 3000', 'said');
  await say(alice, '/join den', '/join lobby');
  await sees(alice, 'You are in lobby now', 'notice');
  same(await alice.evaluate(() => window.mistaken), [], 'what was cancelled as what it is not');
}
