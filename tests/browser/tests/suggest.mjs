// The list that completes names, commands and rooms while one types.
import { Nc, check, same } from '../harness.mjs';
import { DESKTOP, enter, ncIn, PHONE, say, sees, show, SMALL, sound, until } from '../people.mjs';

/** The words in the open list; `null` if it is closed. */
const words = (page) => page.$eval('#suggestions', (list) => list.hidden ? null : [...list.children].map((node) => node.firstChild.textContent));
/** The word that is chosen, for the eye and for a screen reader. */
const chosen = (page) => page.evaluate(() => {
  const seen = [...document.querySelectorAll('#suggestions [aria-selected=true]')];
  const read = document.getElementById(document.querySelector('#text').getAttribute('aria-activedescendant'));
  return seen.length === 1 && seen[0] === read ? read.firstChild.textContent : `${seen.length} are chosen`;
});
const draft = (page) => page.inputValue('#text');

/** Types in the empty field. */
async function type(page, text) {
  await page.fill('#text', '');
  await page.focus('#text');
  await page.keyboard.type(text);
}

/** A page of alice in a lobby with these members. */
async function aliceWith({ server, page }, names, options) {
  const house = await server(['--rate', '0']);
  const members = [];
  for (const name of names) members.push(await Nc.enter(house, name));
  const alice = await page(house.url, options);
  await enter(alice, 'alice');
  for (const name of names) await until(alice, (key) => shown.people.has(key), name, `${name} is not here`);
  return { house, alice, members };
}

export async function list_is_narrowed_and_taken_with_the_keyboard(world) {
  const { alice, members: [, bob] } = await aliceWith(world, ['albert', 'bob', 'alfred', 'carol']);
  await type(alice, 'hello @');
  same(await words(alice), ['@albert', '@alfred', '@bob', '@carol'], 'the list behind @');
  await alice.keyboard.type('AL');
  same(await words(alice), ['@albert', '@alfred'], 'the narrowed list');
  same(await chosen(alice), '@albert', 'the choice at first');
  for (const [key, wanted] of [['ArrowDown', '@alfred'], ['ArrowDown', '@albert'], ['ArrowUp', '@alfred']]) {
    await alice.keyboard.press(key);
    same(await chosen(alice), wanted, `the choice after ${key}`);
  }
  await alice.keyboard.press('Backspace');
  same(await chosen(alice), '@alfred', 'the choice when the list has more words');
  await alice.keyboard.press('Enter');
  same(await draft(alice), 'hello @alfred ', 'what Enter takes');
  same(await words(alice), null, 'the list behind the choice');
  await alice.keyboard.type('and @b');
  await alice.keyboard.press('Tab');
  same(await draft(alice), 'hello @alfred and @bob ', 'what Tab takes');
  await alice.keyboard.press('Enter');
  await bob.until(/alice: hello @alfred and @bob \r\n/);
  // In the middle of a line.
  await type(alice, 'tell  please');
  for (let step = 0; step < 7; step += 1) await alice.keyboard.press('ArrowLeft');
  await alice.keyboard.type('@c');
  await alice.keyboard.press('Enter');
  same(await draft(alice), 'tell @carol please', 'what is taken in a line');
}

export async function commands_and_rooms_have_what_is_said_of_them(world) {
  const { house, alice } = await aliceWith(world, ['bob']);
  const den = await ncIn(house, 'dora', 'den');
  den.say('/topic tea');
  await den.until(/set the topic/);
  await say(alice, '/follow den');
  await until(alice, () => findRoom('den')?.topic === 'tea', null, 'the topic of den is not known');
  const details = () => alice.$$eval('#suggestions li', (nodes) => nodes.map((node) => node.lastChild.textContent));
  await type(alice, '/jo');
  same([await words(alice), await details()], [['/join'], ['room · goes to another room']], 'commands');
  await alice.keyboard.press('Tab');
  same(await draft(alice), '/join ', 'what Tab takes');
  await type(alice, '#de');
  same([await words(alice), await details()], [['#den'], ['2 here · tea']], 'rooms');
  await alice.keyboard.press('Enter');
  await alice.keyboard.type('hello den');
  await alice.keyboard.press('Enter');
  await den.until(/alice: hello den/);
  const zhang = await world.page(house.url, { locale: 'zh-CN' });
  await enter(zhang, '张三');
  for (const page of [alice, zhang]) {
    const mute = await page.evaluate(() => [...COMMANDS, ...COMMANDS_2, ...OPERATOR_COMMANDS].filter((name) => !commandHelp(`/${name}`) && name !== 'help'));
    same(mute, [], 'commands of which nothing is said');
  }
}

export async function enter_sends_what_is_complete(world) {
  const { alice, members: [bob] } = await aliceWith(world, ['bob', 'bobby']);
  await type(alice, '/who');
  check((await words(alice)).includes('/whois'), 'the list does not stay open');
  await alice.keyboard.press('Enter');
  await sees(alice, '3 in lobby', 'notice');
  same(await draft(alice), '', 'the field');
  await type(alice, '@bob hi');
  same(await words(alice), null, 'the list behind a word');
  await alice.keyboard.press('Enter');
  await bob.until(/alice -> you: hi/);
  await sees(alice, 'hi', 'whisper');
  await show(alice, 'lobby');
  await type(alice, 'where is @bob');
  await alice.keyboard.press('Enter');
  await bob.until(/alice: where is @bob\r\n/);
  await type(alice, 'me @');
  await alice.keyboard.press('Enter');
  await bob.until(/alice: me @\r\n/);
  await type(alice, '/whoi');
  await alice.keyboard.press('Enter');
  same(await draft(alice), '/whois ', 'what Enter makes of a part of a word');
  // A suggestion to which the user has moved is chosen.
  await type(alice, '@bob');
  await alice.keyboard.press('ArrowDown');
  await alice.keyboard.press('Enter');
  same(await draft(alice), '@bobby ', 'what is chosen');
  await type(alice, 'thanks @bo!');
  await alice.keyboard.press('Enter');
  await bob.until(/alice: thanks @bo!\r\n/);
  // What was sent before opens no list.
  await type(alice, '/who');
  await alice.keyboard.press('Enter');
  await alice.keyboard.press('ArrowUp');
  same([await draft(alice), await words(alice)], ['/who', null], 'the line that was sent');
}

export async function list_opens_only_for_words_that_are_typed(world) {
  const { house, alice } = await aliceWith(world, ['albert']);
  await ncIn(house, 'dora', 'den');
  await say(alice, '/follow den');
  await until(alice, () => isMember('den'), null, 'den is not followed');
  for (const text of ['@@al', '//jo', '##de', 'mail bob@al', 'this /jo', 'a#de', '@zzz', '/zzz', 'al', '@albert ']) {
    await type(alice, text);
    same(await words(alice), null, `the list behind ${text}`);
  }
  const paste = (text) => alice.evaluate((pasted) => {
    const field = document.querySelector('#text');
    field.value = pasted;
    field.dispatchEvent(new InputEvent('input', { inputType: 'insertFromPaste', bubbles: true }));
  }, text);
  await paste('@al');
  same(await words(alice), null, 'the list behind one pasted line');
  await paste('one\n@a');
  await alice.keyboard.type('l');
  same(await words(alice), null, 'the list in several pasted lines');
  // Where the word goes on behind the cursor.
  await type(alice, '@lbert');
  for (let step = 0; step < 5; step += 1) await alice.keyboard.press('ArrowLeft');
  await alice.keyboard.type('a');
  same(await words(alice), null, 'the list inside a word');
  await type(alice, '@al');
  await alice.keyboard.press('ArrowLeft');
  await until(alice, () => document.querySelector('#suggestions').hidden, null, 'the list stays when the cursor leaves the word');
  await type(alice, '@al');
  await alice.focus('#log');
  same(await words(alice), null, 'the list when the field has no focus');
}

export async function escape_closes_the_list_for_this_word(world) {
  const { alice } = await aliceWith(world, ['albert', 'alfred']);
  await type(alice, '@a');
  await alice.keyboard.press('Escape');
  same(await words(alice), null, 'the list after Escape');
  await alice.keyboard.type('l');
  same(await words(alice), null, 'the list of the same word');
  // The keys do what they do without a list.
  await alice.keyboard.press('Tab');
  same(await draft(alice), '@albert ', 'the first Tab');
  await alice.keyboard.press('Tab');
  same(await draft(alice), '@alfred ', 'the second Tab');
  await alice.keyboard.press('Shift+Tab');
  same(await draft(alice), '@albert ', 'back again');
  await alice.keyboard.type('and @al');
  same(await words(alice), ['@albert', '@alfred'], 'the list of another word');
  await alice.keyboard.press('Escape');
  await alice.keyboard.press('Enter');
  await sees(alice, 'and @al', 'whisper');
  await alice.keyboard.type('@al');
  same(await words(alice), ['@albert', '@alfred'], 'the list in the next line');
}

export async function list_is_taken_by_mouse_and_touch(world) {
  const { house, alice } = await aliceWith(world, ['albert', 'alfred']);
  await type(alice, 'ask @al');
  await alice.click('#suggestions li:nth-child(2)');
  same([await draft(alice), await words(alice)], ['ask @alfred ', null], 'what a click takes');
  same(await alice.evaluate(() => document.activeElement.id), 'text', 'the focus after a click');
  const phone = await world.page(house.url, PHONE);
  await enter(phone, 'pat');
  await phone.tap('#text');
  await phone.keyboard.type('/who');
  const height = await phone.$eval('#suggestions li', (node) => node.getBoundingClientRect().height);
  check(height >= 44, `a row is ${height} pixels high, which is too low for a finger`);
  await phone.tap('#suggestions li:nth-child(2)');
  same(await draft(phone), '/whois ', 'what a touch takes');
  same(await phone.evaluate(() => document.activeElement.id), 'text', 'the focus after a touch');
  // The keyboard of a phone composes every word.
  await phone.fill('#text', '');
  const session = await phone.context().newCDPSession(phone);
  await session.send('Input.imeSetComposition', { text: '@al', selectionStart: 3, selectionEnd: 3 });
  await phone.tap('#suggestions li:nth-child(1)');
  check((await draft(phone)).startsWith('@albert '), 'a touch takes nothing while a word is composed');
}

export async function composing_has_its_own_list(world) {
  const { alice } = await aliceWith(world, ['张三', 'nina']);
  await type(alice, '@');
  const session = await alice.context().newCDPSession(alice);
  await session.send('Input.imeSetComposition', { text: 'ni', selectionStart: 2, selectionEnd: 2 });
  same(await words(alice), null, 'the list while one composes');
  for (const key of ['ArrowDown', 'Enter']) await session.send('Input.dispatchKeyEvent', { type: 'rawKeyDown', key, code: key, windowsVirtualKeyCode: 229 });
  same(await draft(alice), '@ni', 'the draft while one composes');
  await session.send('Input.insertText', { text: '张' });
  same(await words(alice), ['@张三'], 'the list behind the composed word');
  await alice.keyboard.press('Tab');
  same(await draft(alice), '@张三 ', 'what Tab takes');
}

export async function commands_of_operators_are_for_operators(world) {
  const { house, alice } = await aliceWith(world, []);
  const offered = async (page, text) => {
    await type(page, text);
    return words(page);
  };
  same(await offered(alice, '/kic'), null, 'what a member is offered');
  await say(alice, '/join den');
  await until(alice, () => mayOperate(), null, 'alice is no operator');
  same(await offered(alice, '/kic'), ['/kick'], 'what an operator is offered');
  same(await offered(alice, '/in'), ['/invite'], 'what an operator is offered');
  const bob = await world.page(house.url);
  await enter(bob, 'bob');
  await say(alice, '/join lobby');
  await until(alice, () => shown.people.has('bob'), null, 'bob is not here');
  house.type('/mod bob');
  await until(bob, () => mayOperate(), null, 'bob is no moderator');
  same(await offered(bob, '/unb'), ['/unban'], 'what a moderator is offered');
  await bob.fill('#text', '');
  house.type('/mod alice');
  await until(alice, () => mayOperate(), null, 'alice is no moderator');
  await type(alice, '@bo');
  await sees(alice, 'moderator', 'notice');
}

/** The open list in one size and one scheme. */
async function listOn(world, name, options) {
  const names = Array.from({ length: 12 }, (_, index) => `guest-with-long-name-${index + 1}`);
  const { alice } = await aliceWith(world, names, options);
  await say(alice, ...Array.from({ length: 20 }, (_, index) => `line ${index + 1}`));
  await sees(alice, 'line 20', 'own');
  for (const text of ['a line @gu', '/']) {
    await type(alice, text);
    await alice.keyboard.press('ArrowUp');
    const [list, field, row, last, seen] = await alice.evaluate(() => {
      const box = (selector) => document.querySelector(selector).getBoundingClientRect().toJSON();
      return [box('#suggestions'), box('#hint'), box('#suggestions li'), box('#suggestions [aria-selected=true]'), innerWidth];
    });
    check(list.bottom <= field.top, `the list covers what one types, ${name}`);
    check(list.top >= 0 && list.left >= 0 && list.right <= seen, `the list is not on the screen, ${name}`);
    check(list.height >= 4 * row.height && list.height < 9 * row.height, `${list.height / row.height} rows are shown, ${name}`);
    check(last.top >= list.top && last.bottom <= list.bottom, `the choice is not in sight, ${name}`);
    await sound(alice, `the list behind ${text}, ${name}`);
    await world.picture(alice, `${name}-list-${text === '/' ? 'commands' : 'people'}`);
  }
}

export const list_on_a_desktop_in_light = (world) => listOn(world, 'desktop-light', { ...DESKTOP, colorScheme: 'light' });
export const list_on_a_desktop_in_dark = (world) => listOn(world, 'desktop-dark', { ...DESKTOP, colorScheme: 'dark', locale: 'zh-CN' });
export const list_on_a_phone_in_dark = (world) => listOn(world, 'phone-dark', { ...PHONE, colorScheme: 'dark' });
export const list_on_a_small_phone = (world) => listOn(world, 'small', { ...SMALL, colorScheme: 'light', locale: 'zh-CN' });
export const list_in_forced_colours = (world) => listOn(world, 'forced', { ...DESKTOP, forcedColors: 'active' });

export async function field_tells_a_screen_reader_of_the_list(world) {
  const { alice } = await aliceWith(world, ['albert']);
  const told = () => alice.$eval('#text', (field) => ['aria-controls', 'aria-autocomplete', 'aria-haspopup', 'aria-activedescendant'].map((name) => field.getAttribute(name)));
  same(await told(), ['suggestions', 'list', 'listbox', null], 'what is told of a closed list');
  await type(alice, '@al');
  same(await told(), ['suggestions', 'list', 'listbox', 'suggestion0'], 'what is told of an open list');
  same(await alice.$eval('#suggestions', (list) => [list.role, list.ariaLabel, list.firstChild.role]), ['listbox', 'Suggestions', 'option'], 'the list');
  await alice.keyboard.press('Tab');
  await until(alice, () => document.querySelector('#status').textContent === '@albert', null, 'the completed word is not told');
  same(await told(), ['suggestions', 'list', 'listbox', null], 'what is told behind the choice');
}
