// Passwords: of the server, and of nicknames that are registered; members with several connections.
import { writeFile } from 'node:fs/promises';
import { Nc, check, random, same } from '../harness.mjs';
import { again, connected, counted, DESKTOP, disconnected, enter, expected, messages, PHONE, roomIs, say, sees, SMALL, sound, show, until, upToDate } from '../people.mjs';

const PASSWORD = 'correct-horse';
const OTHER = 'battery-staple';

async function withStore({ server, folder }, options = []) {
  const where = ['--store', `${await folder()}/chat.db`, '--rate', '0', ...options];
  return { house: await server(where), where };
}

/** Gives a nickname, and waits until this password is asked for. */
async function asked(page, name, label) {
  if (name) {
    await page.fill('#nickname', name);
    await page.press('#nickname', 'Enter');
  }
  await page.waitForSelector('#password:not([hidden])');
  same(await page.textContent('#asks'), label, 'what is asked');
  same(await page.evaluate(() => document.activeElement.id), 'password', 'the focus');
}

async function give(page, password) {
  await page.fill('#password', password);
  await page.press('#password', 'Enter');
}

const inRoom = (page) => page.waitForSelector('#room:not([hidden])');
const whyIs = (page, text) => until(page, (wanted) => document.querySelector('#why').textContent === wanted, text, `not told ${JSON.stringify(text)}`);
const labelOf = (name) => `${name} is registered. Password:`;

async function logIn(page, name, password) {
  await asked(page, name, labelOf(name));
  await give(page, password);
  await inRoom(page);
}

/** The panel's form, with these texts in its visible fields. */
async function fillAccount(page, ...texts) {
  if (!await page.isVisible('#accountForm')) await page.click('#accountTitle');
  for (const [index, text] of texts.entries()) await page.locator('#accountForm input:visible').nth(index).fill(text);
}

async function register(page, password = PASSWORD) {
  await fillAccount(page, password, password);
  await page.click('#saveAccount');
  await sees(page, 'is registered now', 'notice');
}

/** No password is in what the page shows, stores, or would show again. */
async function tellsNothing(page, ...passwords) {
  const found = await page.evaluate((secrets) => {
    const fields = [...document.querySelectorAll('input, textarea')].map((field) => field.value);
    const attributes = [...document.querySelectorAll('*')].flatMap((node) => [...node.attributes].map(({ value }) => value));
    const all = JSON.stringify([document.documentElement.textContent, location.href, document.title, fields, attributes,
      { ...localStorage }, { ...sessionStorage }, [...views.values()].flatMap((view) => view.sent), pending, doubtful, unsaid, pasted]);
    return secrets.filter((secret) => all.includes(secret));
  }, passwords);
  same(found, [], 'passwords in the page');
}

/** A member at nc with an account. */
async function ncWithPassword(server, name, password) {
  const nc = Nc.open(server);
  nc.say(name);
  await nc.until(/is registered\. Password:/);
  nc.say(password);
  await nc.until(new RegExp(`You are ${name}`));
  return nc;
}

export async function a_nickname_is_registered_and_its_password_asked_for(world) {
  const { house } = await withStore(world);
  const bob = await Nc.enter(house, 'bob');
  const alice = await world.page(house.url);
  same(await alice.getAttribute('#nickname', 'autocomplete'), 'username', 'what a password manager fills in');
  await enter(alice, 'alice');
  same(await alice.textContent('#accountTitle'), 'Register this nickname', 'the offer');
  await fillAccount(alice, PASSWORD, OTHER);
  await alice.keyboard.press('Enter');
  same(await alice.textContent('#accountWhy'), 'The two passwords are not the same.', 'what is wrong');
  await fillAccount(alice, 'two words', 'two words');
  await alice.click('#saveAccount');
  check((await alice.textContent('#accountWhy')).startsWith('A password is one word of 1 to 1024 bytes'), 'it is not said what a password is');
  await fillAccount(alice, '/quit', '/quit');
  await alice.click('#saveAccount');
  await until(alice, () => /^A password is one word/.test(document.querySelector('#accountWhy').textContent), null, 'the refusal of the server is not shown');
  await world.picture(alice, 'register');
  await register(alice);
  same(await alice.textContent('#accountTitle'), 'Your account: alice', 'the account');
  same(await alice.evaluate(() => document.activeElement.id), 'accountTitle', 'the focus');
  check(!await alice.isVisible('#accountForm'), 'the form stays open');
  await tellsNothing(alice, PASSWORD, OTHER);
  await alice.click('#quit');
  await whyIs(alice, 'Goodbye. Come back any time.');
  await asked(alice, 'alice', labelOf('alice'));
  same(await alice.getAttribute('#password', 'type'), 'password', 'the type of the field');
  same(await alice.getAttribute('#password', 'autocomplete'), 'current-password', 'what a password manager fills in');
  await sound(alice, 'the password prompt');
  await world.picture(alice, 'password');
  await give(alice, OTHER);
  await whyIs(alice, 'Wrong password.');
  await sound(alice, 'the password prompt after a wrong one');
  same(await alice.inputValue('#password'), '', 'the field after a wrong password');
  same(await alice.evaluate(() => document.activeElement.id), 'password', 'the focus');
  await give(alice, PASSWORD);
  await inRoom(alice);
  await sees(alice, 'You are alice in lobby', 'notice');
  await say(alice, 'and back');
  await bob.until(/alice: and back/);
  await tellsNothing(alice, PASSWORD, OTHER);
  check(!bob.transcript.text.includes(PASSWORD), 'others read the password');
}

export async function three_wrong_passwords_lead_back_to_the_nickname(world) {
  const { house } = await withStore(world);
  const alice = await world.page(house.url);
  await enter(alice, 'alice');
  await register(alice);
  const other = await world.page(house.url);
  await asked(other, 'alice', labelOf('alice'));
  for (const wrong of ['one', 'two']) {
    await give(other, wrong);
    await until(other, () => document.querySelector('#why').textContent !== '', null, 'a wrong password is not told');
  }
  await give(other, 'three');
  await other.waitForSelector('#nickname:not([hidden])');
  same(await other.textContent('#why'), 'Wrong password.', 'why');
  same(await other.textContent('#asks'), 'Nickname', 'what is asked');
  same(await other.evaluate(() => document.activeElement.id), 'nickname', 'the focus');
  await asked(other, 'alice', labelOf('alice'));
  for (const wrong of ['four', 'five']) {
    await give(other, wrong);
    await until(other, () => document.querySelector('#why').textContent !== '', null, 'a wrong password is not told');
  }
  await give(other, PASSWORD);
  await until(other, () => /^Too many wrong passwords\. Try again in \d+ s\.$/.test(document.querySelector('#why').textContent), null, 'not told to wait');
  same(await other.inputValue('#password'), '', 'the field');
  await other.click('#otherName');
  same(await other.evaluate(() => document.activeElement.id), 'nickname', 'the focus');
  await enter(other, 'eve');
  await sees(alice, 'eve joined', 'presence');
  await tellsNothing(other, PASSWORD, 'three', 'five');
}

export async function the_password_is_changed_and_the_account_removed(world) {
  const { house } = await withStore(world);
  const alice = await world.page(house.url);
  await enter(alice, 'alice');
  await register(alice);
  await fillAccount(alice, 'wrong', OTHER, OTHER);
  await alice.click('#saveAccount');
  await until(alice, () => document.querySelector('#accountWhy').textContent === 'Wrong password.', null, 'not told in the form');
  same(await alice.evaluate(() => document.activeElement.id), 'oldPassword', 'the focus');
  await fillAccount(alice, PASSWORD, OTHER, OTHER);
  await alice.click('#saveAccount');
  await sees(alice, 'The password is changed.', 'notice');
  const phone = await world.page(house.url);
  await logIn(phone, 'alice', OTHER);
  await fillAccount(alice, OTHER);
  await alice.click('#unregister');
  same(await alice.textContent('#unregister'), 'Really delete?', 'the question');
  await alice.click('#unregister');
  await until(alice, () => /in use by another connection/.test(document.querySelector('#accountWhy').textContent), null, 'the other connection is not told of');
  await phone.click('#quit');
  await whyIs(phone, 'Goodbye. Come back any time.');
  await fillAccount(alice, OTHER);
  await alice.click('#unregister');
  await alice.click('#unregister');
  await sees(alice, 'alice is no longer registered.', 'notice');
  same(await alice.textContent('#accountTitle'), 'Register this nickname', 'the offer');
  await tellsNothing(alice, PASSWORD, OTHER);
  await alice.click('#quit');
  await whyIs(alice, 'Goodbye. Come back any time.');
  await enter(phone, 'alice');
}

export async function two_pages_of_one_account_read_the_same(world) {
  const { house } = await withStore(world);
  const bob = await Nc.enter(house, 'bob');
  const line = await world.wire(house);
  const alice = await world.page(house.url);
  await enter(alice, 'alice');
  await register(alice);
  const phone = await world.page(line.url, { expected });
  await logIn(phone, 'alice', PASSWORD);
  await say(alice, 'from the desk', '@bob psst');
  await sees(phone, 'from the desk', 'own');
  await sees(alice, 'You whisper to bob psst', 'whisper');
  await show(alice, 'lobby');
  await show(phone, '@bob');
  await sees(phone, 'You whisper to bob psst', 'whisper');
  await show(phone, 'lobby');
  await say(phone, 'from the phone', '/me waves');
  await sees(alice, 'waves', 'own');
  bob.say('@alice heard');
  for (const page of [alice, phone]) {
    await show(page, '@bob');
    await sees(page, 'heard', 'whisper');
    await show(page, 'lobby');
    same(await messages(page), ['from the desk', 'from the phone', 'waves'], 'what alice reads');
    same(await page.$$eval('#log .own.said, #log .own.action', (lines) => lines.length), 3, 'own messages');
    same(await page.evaluate(() => pending.map((each) => each.line)), [], 'lines that are taken for unanswered');
  }
  check(!/alice joined[^]*alice joined/.test(bob.transcript.text), 'the second page joins, too');
  // What the other page says is no answer to a line that did not arrive.
  line.loses = 'up';
  await say(phone, 'lost on the way');
  await say(alice, 'said meanwhile');
  await sees(phone, 'said meanwhile', 'own');
  line.cut();
  await disconnected(phone);
  line.mend();
  await again(phone);
  await phone.waitForSelector('#unsaidButtons:not([hidden])');
  same(await phone.$$eval('#unsaidLines li', (lines) => lines.map((each) => each.textContent)), ['lost on the way'], 'what was not said');
  await phone.click('#again');
  await sees(alice, 'lost on the way', 'own');
  await say(alice, '/join den');
  await roomIs(alice, 'den');
  await roomIs(phone, 'den');
  await say(alice, '/nick alicia');
  await until(phone, () => document.querySelector('#peopleList .self .name').textContent === 'alicia (you)', null, 'the other page has the old name');
  await alice.click('#quit');
  await whyIs(alice, 'Goodbye. Come back any time.');
  await say(phone, '/join lobby', 'still here');
  await bob.until(/alicia: still here/);
}

export async function a_page_comes_back_to_the_room_of_its_other_page(world) {
  const { house } = await withStore(world);
  const line = await world.wire(house);
  const desk = await world.page(house.url);
  await enter(desk, 'alice');
  await register(desk);
  const phone = await world.page(line.url, { expected });
  await logIn(phone, 'alice', PASSWORD);
  await say(phone, 'in the lobby');
  await sees(desk, 'in the lobby', 'own');
  line.loses = 'up';
  await say(phone, 'lost on the way');
  line.cut();
  await disconnected(phone);
  await say(desk, '/join den', 'in the den');
  await sees(desk, 'in the den', 'own');
  line.mend();
  await again(phone);
  await roomIs(phone, 'den');
  await sees(phone, 'in the den', 'own');
  await phone.waitForSelector('#unsaidButtons:not([hidden])');
  check((await phone.textContent('#unsaidWhy')).startsWith('The server did not confirm'), 'the page knows of the lobby what it cannot know');
  await phone.click('#discard');
  await say(phone, '/join lobby');
  await roomIs(desk, 'lobby');
  await until(phone, () => home().isComplete && document.querySelector('#roomName').textContent === 'lobby', null, 'not back in the lobby');
  same(await messages(phone), ['in the lobby'], 'what alice reads in the lobby');
}

export async function nothing_is_lost_or_doubled_between_two_pages_of_an_account(world) {
  const { seed, below } = random();
  const { house } = await withStore(world, ['--history', '1000']);
  const carol = await Nc.enter(house, 'carol');
  const [deskLine, phoneLine] = [await world.wire(house), await world.wire(house)];
  const [desk, phone] = [await world.page(deskLine.url, { expected }), await world.page(phoneLine.url, { expected })];
  await enter(desk, 'alice');
  await register(desk);
  await logIn(phone, 'alice', PASSWORD);
  const told = { d: 0, p: 0, c: 0 };
  const talk = async () => {
    for (let left = below(3); left > 0; left -= 1) carol.say(`c ${told.c += 1}`);
    for (let left = below(3); left > 0; left -= 1) await say(desk, `d ${told.d += 1}`);
    for (let left = below(3); left > 0; left -= 1) await say(phone, `p ${told.p += 1}`);
  };
  for (let round = 0; round < 8; round += 1) {
    const [page, line] = below(2) ? [desk, deskLine] : [phone, phoneLine];
    await talk();
    line.loses = ['', 'up', 'down'][below(3)];
    await talk();
    line.cut();
    await disconnected(page);
    for (let left = below(3); left > 0; left -= 1) carol.say(`c ${told.c += 1}`);
    line.mend();
    await again(page);
    await upToDate(page);
    if (await page.isVisible('#again')) await page.click('#again');
  }
  await say(desk, `d ${told.d += 1}`);
  await say(phone, `p ${told.p += 1}`);
  await carol.until(new RegExp(`alice: d ${told.d}\\r`));
  await carol.until(new RegExp(`alice: p ${told.p}\\r`));
  carol.say(`c ${told.c += 1}`);
  for (const page of [desk, phone]) {
    await sees(page, `c ${told.c}`, 'said');
    const read = await messages(page);
    counted(read, 'c', told.c, seed);
    for (const prefix of ['d', 'p']) {
      // A line that is sent again comes after those that were said meanwhile.
      counted(read.filter((text) => text.startsWith(prefix)).toSorted((one, other) => Number(one.slice(2)) - Number(other.slice(2))), prefix, told[prefix], seed);
    }
    const heard = [...carol.transcript.text.matchAll(/alice: ([dp] \d+)\r/g)].map(([, text]) => text);
    same(read.filter((text) => !text.startsWith('c')), heard, `what alice reads of her own lines, beside what carol heard (seed ${seed})`);
  }
}

export async function a_page_comes_back_with_the_password_that_it_was_given(world) {
  const { house, where } = await withStore(world);
  const first = await Nc.enter(house, 'bob');
  const alice = await world.page(house.url, { expected });
  await enter(alice, 'alice');
  await register(alice);
  await say(alice, '/follow den', '/join kitchen', 'before');
  await sees(alice, 'before', 'own');
  await first.leave();
  await house.stop();
  await disconnected(alice);
  const next = await world.server(where, `127.0.0.1:${house.webPort}`);
  await again(alice);
  await roomIs(alice, 'kitchen');
  await until(alice, () => isMember('den'), null, 'den is no longer followed');
  same(await alice.textContent('#accountTitle'), 'Your account: alice', 'the account');
  await tellsNothing(alice, PASSWORD);
  // It is changed elsewhere, and asked for when the page comes back; that connection is no obstacle.
  const nc = await ncWithPassword(next, 'alice', PASSWORD);
  const line = await world.wire(next);
  const desk = await world.page(line.url, { expected });
  await logIn(desk, 'alice', PASSWORD);
  line.cut();
  await disconnected(desk);
  nc.say(`/password ${PASSWORD} ${OTHER}`);
  await nc.until(/The password is changed/);
  await sees(alice, 'The password is changed.', 'notice');
  line.mend();
  await desk.click('#now', { timeout: 2000 }).catch(() => {});
  await whyIs(desk, 'Wrong password.');
  await asked(desk, '', labelOf('alice'));
  await give(desk, OTHER);
  await inRoom(desk);
  await roomIs(desk, 'kitchen');
  nc.say('and on');
  await sees(desk, 'and on', 'own');
  // After a reload the page does not know it.
  await desk.reload();
  await asked(desk, '', labelOf('alice'));
  await give(desk, OTHER);
  await connected(desk);
  await roomIs(desk, 'kitchen');
  same((await messages(desk)).filter((text) => text === 'and on').length, 1, 'how often the message is shown');
  await tellsNothing(desk, PASSWORD, OTHER);
}

export async function a_prompt_outlives_a_lost_connection(world) {
  const { house } = await withStore(world);
  const alice = await world.page(house.url);
  await enter(alice, 'alice');
  await register(alice);
  const line = await world.wire(house);
  const phone = await world.page(line.url, { expected });
  await asked(phone, 'alice', labelOf('alice'));
  await phone.keyboard.type('corr');
  line.cut();
  await phone.waitForSelector('#banner:not([hidden])');
  await phone.keyboard.type('ect-');
  line.mend();
  await phone.click('#now', { timeout: 2000 }).catch(() => {});
  await until(phone, () => document.querySelector('#banner').hidden, null, 'not connected again');
  await phone.locator('#password').pressSequentially('horse');
  await phone.keyboard.press('Enter');
  await inRoom(phone);
}

export async function a_password_that_cannot_be_compared_now_is_given_again(world) {
  const { house } = await withStore(world);
  const line = await world.wire(house);
  const alice = await world.page(line.url, { expected });
  await enter(alice, 'alice');
  await register(alice);
  // The server cannot take the first one.
  await alice.evaluate((password) => {
    const { send } = WebSocket.prototype;
    WebSocket.prototype.send = function (text) {
      if (text !== password) return send.call(this, text);
      WebSocket.prototype.send = send;
      setTimeout(() => handleFrame('{"t":"refused","what":"too_many_logins"}'));
    };
  }, PASSWORD);
  line.cut();
  await disconnected(alice);
  line.mend();
  await alice.click('#now', { timeout: 2000 }).catch(() => {});
  await whyIs(alice, 'Too many logins at once. Try again.');
  await inRoom(alice);
  await connected(alice);
}

export async function a_prompt_that_was_left_alone_ends(world) {
  const { house, where } = await withStore(world);
  const alice = await world.page(house.url, { expected });
  await enter(alice, 'alice');
  await register(alice);
  await house.stop();
  const hasty = await world.server([...where, '--login-timeout', '1']);
  const other = await world.page(hasty.url);
  // The page notes its prompt itself: where much else runs, the prompt may be gone before it is looked at from outside.
  await other.evaluate(() => {
    new MutationObserver((_, observer) => {
      if (document.querySelector('#password').hidden) return;
      window.prompted = [document.querySelector('#asks').textContent, document.activeElement.id].join();
      observer.disconnect();
    }).observe(document.body, { attributes: true, childList: true, subtree: true });
  });
  await other.fill('#nickname', 'alice');
  await other.press('#nickname', 'Enter');
  await whyIs(other, 'You did not log in in time.');
  same(await other.evaluate(() => window.prompted), `${labelOf('alice')},password`, 'what was asked, and where the focus was');
  same(await other.evaluate(() => document.activeElement.id), 'nickname', 'the focus');
}

export async function the_password_of_the_server_is_asked_first(world) {
  const file = `${await world.folder()}/password`;
  await writeFile(file, 'sesame\n', { mode: 0o600 });
  const { house } = await withStore(world, ['--password-file', file]);
  const line = await world.wire(house);
  const alice = await world.page(line.url, { expected });
  await asked(alice, 'alice', 'Password of this server');
  check(!await alice.isVisible('#otherName'), 'another nickname is offered where none was refused');
  await give(alice, 'wrong');
  await whyIs(alice, 'Wrong password.');
  await give(alice, 'sesame');
  await inRoom(alice);
  await register(alice);
  line.cut();
  await disconnected(alice);
  line.mend();
  await again(alice);
  await tellsNothing(alice, 'sesame', PASSWORD);
  await alice.reload();
  await asked(alice, '', 'Password of this server');
  await give(alice, 'sesame');
  await until(alice, (label) => document.querySelector('#asks').textContent === label, labelOf('alice'), 'the password of the account is not asked');
  await give(alice, PASSWORD);
  await connected(alice);
  const eve = await world.page(house.url);
  await asked(eve, 'eve', 'Password of this server');
  for (const wrong of ['one', 'two', 'three']) {
    await give(eve, wrong);
    await until(eve, () => document.querySelector('#why').textContent !== '', null, 'a wrong password is not told');
  }
  await eve.waitForSelector('#nickname:not([hidden])');
  same(await eve.textContent('#why'), 'Wrong password.', 'why');
  await until(eve, () => phase === 'out', null, 'the connection stays');
  await tellsNothing(eve, 'three');
}

export async function a_password_is_asked_for_after_the_queue(world) {
  const file = `${await world.folder()}/password`;
  await writeFile(file, 'sesame\n', { mode: 0o600 });
  const house = await world.server(['--password-file', file, '--max-clients', '1']);
  const bob = Nc.open(house);
  bob.say('sesame', 'bob');
  await bob.until(/You are bob/);
  const alice = await world.page(house.url);
  await alice.fill('#nickname', 'alice');
  await alice.press('#nickname', 'Enter');
  await alice.waitForSelector('#waiting:not([hidden])');
  bob.say('/quit');
  await asked(alice, '', 'Password of this server');
  await give(alice, 'sesame');
  await inRoom(alice);
}

export async function commands_with_a_password_leave_no_trace(world) {
  const { house } = await withStore(world);
  const alice = await world.page(house.url);
  await enter(alice, 'alice');
  await say(alice, 'hello', `/register ${PASSWORD}`, `/password ${PASSWORD} ${OTHER}`);
  await sees(alice, 'The password is changed.', 'notice');
  await tellsNothing(alice, PASSWORD, OTHER);
  await alice.press('#text', 'ArrowUp');
  same(await alice.inputValue('#text'), 'hello', 'the line before');
  await alice.fill('#text', `/unregister ${OTHER}`);
  same(await alice.evaluate(() => JSON.stringify([{ ...sessionStorage }, { ...localStorage }]).includes('battery')), false, 'a password that is being typed is stored');
  await alice.fill('#text', '');
  const carol = await world.page(house.url);
  await enter(carol, 'carol');
  await say(carol, '/nick alice nonsense');
  await sees(carol, 'Wrong password.', 'refused');
  // The member is that of the other page from now on.
  await say(carol, `/nick alice ${OTHER}`);
  await sees(carol, 'You are alice in lobby', 'notice');
  same(await carol.textContent('#accountTitle'), 'Your account: alice', 'the account');
  await sees(alice, 'carol left', 'presence');
  await say(carol, '/whois alice');
  await sees(carol, '; registered.', 'notice');
  await tellsNothing(carol, OTHER, 'nonsense');
  await say(alice, '/quit');
  await say(carol, '/nick al', `/unregister ${OTHER}`);
  await sees(carol, 'alice is no longer registered.', 'notice');
  same(await carol.evaluate(() => pending.map(({ line }) => line)), [], 'lines that are taken for unanswered');
}

export async function an_account_under_another_nickname_comes_back_as_itself(world) {
  const { house } = await withStore(world);
  const line = await world.wire(house);
  const bob = await Nc.enter(house, 'bob');
  const alice = await world.page(line.url, { expected });
  await enter(alice, 'alice');
  await register(alice);
  await say(alice, '/nick al');
  await bob.until(/alice is now called al/);
  line.cut();
  await disconnected(alice);
  await bob.until(/al left/);
  line.mend();
  await again(alice);
  await bob.until(/alice joined[^]*alice joined/);
  same(await alice.textContent('#accountTitle'), 'Your account: alice', 'the account');
}

export async function nothing_is_offered_where_there_are_no_accounts({ server, page }) {
  const house = await server();
  const alice = await page(house.url);
  await enter(alice, 'alice');
  await alice.click('#accountTitle');
  await sees(alice, 'This server has no accounts', 'refused');
  check(!await alice.isVisible('#account'), 'it is still offered');
}

/** The prompt and the form in one size and one scheme. */
async function prompts(world, name, options) {
  const { house } = await withStore(world);
  const alice = await world.page(house.url, options);
  await enter(alice, 'alice');
  if (options.isMobile) await alice.click('#toggle');
  await fillAccount(alice, PASSWORD, OTHER);
  await alice.click('#saveAccount');
  await sound(alice, `the form to register, ${name}`);
  await world.picture(alice, `${name}-register`);
  await fillAccount(alice, PASSWORD, PASSWORD);
  await alice.click('#saveAccount');
  await until(alice, () => me.account === 'alice', null, 'not registered');
  await alice.click('#accountTitle');
  await fillAccount(alice, OTHER);
  await alice.click('#unregister');
  await sound(alice, `the account, ${name}`);
  await world.picture(alice, `${name}-account`);
  const other = await world.page(house.url, options);
  await other.fill('#nickname', 'alice');
  await other.press('#nickname', 'Enter');
  await other.waitForSelector('#password:not([hidden])');
  await give(other, OTHER);
  await until(other, () => document.querySelector('#why').textContent !== '', null, 'a wrong password is not told');
  await sound(other, `the prompt, ${name}`);
  await world.picture(other, `${name}-prompt`);
}

export const passwords_on_a_desktop_in_dark = (world) => prompts(world, 'desktop-dark', { ...DESKTOP, colorScheme: 'dark' });
export const passwords_on_a_phone_in_light = (world) => prompts(world, 'phone-light', { ...PHONE, colorScheme: 'light' });
export const passwords_on_a_small_phone = (world) => prompts(world, 'small', { ...SMALL, colorScheme: 'dark', locale: 'zh-CN' });
