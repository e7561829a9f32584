// Deleted messages leave the page: the lines, the counts of unread ones, what was found.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Nc, check, same } from '../harness.mjs';
import { again, badgeIs, connected, disconnected, enter, expected, messages, ncIn, roomIs, say, sees, until } from '../people.mjs';

const line = (page, text) => page.locator('#log .line', { hasText: text });
const isGone = (page, text) => until(page, (wanted) => ![...document.querySelectorAll('#log .said, #log .action')].some((each) => each.textContent.includes(wanted)), text, `${text} is still there`);

export async function an_own_message_is_deleted_with_its_button({ server, page, picture }) {
  const house = await server();
  const bob = await Nc.enter(house, 'bob');
  const alice = await page(house.url);
  await enter(alice, 'alice');
  bob.say('hello');
  await sees(alice, 'hello', 'said');
  await say(alice, 'first', 'a typo', 'third');
  await sees(alice, 'third', 'own');
  await line(alice, 'hello').hover();
  check(!await alice.isVisible('#delete'), 'a message of another member can be deleted');
  await line(alice, 'a typo').hover();
  same(await alice.getAttribute('#delete', 'aria-label'), 'Delete your message', 'the name of the button');
  await picture(alice, 'delete');
  await alice.click('#delete');
  await sees(alice, 'A message of alice was deleted by alice.', 'notice');
  await bob.until(/A message of alice was deleted by alice/);
  same(await messages(alice), ['hello', 'first', 'third'], 'what is left');
  // The first of a group takes its name along, and the next line shows it.
  await line(alice, 'first').hover();
  await alice.click('#delete');
  await isGone(alice, 'first');
  check(!await alice.$eval('#log .own', (own) => own.classList.contains('more')), 'the next line does not show the name');
  await alice.reload();
  await connected(alice);
  await sees(alice, 'third', 'own');
  same(await messages(alice), ['hello', 'third'], 'what is left after a reload');
  await line(alice, 'third').hover();
  check(!await alice.isVisible('#delete'), 'a message of an earlier connection can be deleted');
  await until(alice, () => pending.length === 0, null, 'the page takes lines for unanswered');
}

export async function the_keyboard_is_enough_to_delete({ server, page }) {
  const house = await server();
  const bob = await Nc.enter(house, 'bob');
  const alice = await page(house.url);
  await enter(alice, 'alice');
  await say(alice, 'first', 'second');
  await sees(alice, 'second', 'own');
  bob.say('between');
  await sees(alice, 'between', 'said');
  await say(alice, 'third');
  await sees(alice, 'third', 'own');
  await alice.focus('#text');
  await alice.keyboard.press('Shift+Tab');
  await alice.keyboard.press('Tab');
  const at = () => alice.evaluate(() => document.activeElement.id === 'delete' && document.activeElement.closest('.line').querySelector('.text').textContent);
  same(await at(), 'third', 'where the button begins');
  await alice.keyboard.press('ArrowUp');
  same(await alice.evaluate(() => document.activeElement.id), 'more', 'the message of bob has only the other button');
  await alice.keyboard.press('ArrowUp');
  same(await at(), 'second', 'two up');
  await alice.keyboard.press('ArrowUp');
  await alice.keyboard.press('ArrowUp');
  same(await at(), 'first', 'the uppermost');
  await alice.keyboard.press('ArrowDown');
  await alice.keyboard.press('Enter');
  await isGone(alice, 'second');
  same(await alice.evaluate(() => document.activeElement.id), 'log', 'the focus behind the button');
  same(await messages(alice), ['first', 'between', 'third'], 'what is left');
  await alice.keyboard.type('x');
  same(await alice.evaluate(() => document.activeElement.id), 'text', 'the focus when one types');
  check(!await alice.isVisible('#delete'), 'the button stays when the focus leaves the messages');
}

export async function a_finger_deletes_nothing_by_its_first_touch({ server, page }) {
  const house = await server();
  const alice = await page(house.url, { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true });
  await enter(alice, 'alice');
  await say(alice, 'by a finger');
  await sees(alice, 'by a finger', 'own');
  const box = await line(alice, 'by a finger').boundingBox();
  await alice.touchscreen.tap(box.x + box.width - 12, box.y + 12);
  await alice.waitForSelector('#delete');
  same(await messages(alice), ['by a finger'], 'what is there after a touch');
  await alice.tap('#delete');
  await isGone(alice, 'by a finger');
}

export async function operators_are_asked_before_they_delete_what_others_said({ server, page, picture }) {
  const house = await server();
  const alice = await page(`${house.url}#den`);
  await enter(alice, 'alice');
  const bob = await ncIn(house, 'bob', 'den');
  const carol = await page(`${house.url}#den`);
  await enter(carol, 'carol');
  bob.say('rude', '/me is rude', 'kind');
  await sees(alice, 'kind', 'said');
  await sees(carol, 'kind', 'said');
  await line(carol, 'kind').hover();
  check(!await carol.isVisible('#delete'), 'a member that is no operator can delete what others said');
  await line(alice, 'is rude').hover();
  same(await alice.getAttribute('#delete', 'aria-label'), 'Delete the message of bob', 'the name of the button');
  await alice.click('#delete');
  same(await alice.textContent('#delete'), 'Really delete?', 'the question');
  await picture(alice, 'delete-sure');
  // Elsewhere the question is forgotten.
  await line(alice, 'kind').hover();
  same(await alice.textContent('#delete'), '', 'the question at another message');
  await line(alice, 'is rude').hover();
  await alice.click('#delete');
  await alice.click('#delete');
  await isGone(alice, 'is rude');
  await isGone(carol, 'is rude');
  await sees(carol, 'A message of bob was deleted by alice.', 'notice');
  await say(alice, '/delete @bob 2');
  await sees(carol, '2 messages of bob were deleted by alice.', 'notice');
  same(await messages(carol), [], 'what is left');
  await say(alice, '/delete last');
  await sees(alice, 'You have said nothing in den that can be deleted.', 'refused');
  await until(alice, () => pending.length === 0, null, 'the page takes lines for unanswered');
}

export async function moderators_delete_in_the_lobby({ server, page }) {
  const house = await server();
  const bob = await Nc.enter(house, 'bob');
  const alice = await page(house.url);
  await enter(alice, 'alice');
  bob.say('rude');
  await sees(alice, 'rude', 'said');
  house.type('/mod alice');
  await sees(alice, 'server made you a moderator.', 'notice');
  await line(alice, 'rude').hover();
  await alice.click('#delete');
  await alice.click('#delete');
  await isGone(alice, 'rude');
  bob.say('again');
  await sees(alice, 'again', 'said');
  house.type('/unmod alice');
  await sees(alice, 'server took the moderator role from you.', 'notice');
  await line(alice, 'again').hover();
  check(!await alice.isVisible('#delete'), 'the button stays when the role is gone');
}

export async function deleted_messages_are_not_counted({ server, page }) {
  const house = await server();
  const bob = await ncIn(house, 'bob', 'den');
  const alice = await page(house.url);
  await enter(alice, 'alice');
  await say(alice, '/follow den');
  await sees(alice, 'You are in den too', 'notice');
  await alice.evaluate(() => window.dispatchEvent(new Event('blur')));
  bob.say('one', 'alice: two', 'three');
  await badgeIs(alice, 'den', '@3');
  same(await alice.title(), '(1) lobby · chinwag', 'the title');
  bob.say('/delete last');
  await badgeIs(alice, 'den', '@2');
  bob.say('/delete last');
  await badgeIs(alice, 'den', '1');
  await until(alice, () => document.title === 'lobby · chinwag', null, 'a deleted mention is counted in the title');
  bob.say('/delete last', '/delete last');
  await badgeIs(alice, 'den', '');
  check(!(await alice.innerText('#log')).includes('deleted'), 'the lobby tells what is deleted in the den');
  // In the current room, too.
  const carol = await Nc.enter(house, 'carol');
  carol.say('four', 'five');
  await until(alice, () => document.title === '(2) lobby · chinwag', null, 'two messages are not counted');
  carol.say('/delete last');
  await until(alice, () => document.title === '(1) lobby · chinwag', null, 'a deleted message is counted');
  same(await messages(alice), ['four'], 'what is left in the lobby');
}

export async function what_was_deleted_elsewhere_or_meanwhile_is_gone_on_coming_back({ server, wire, page }) {
  const house = await server();
  const line = await wire(house);
  const bob = await ncIn(house, 'bob', 'den');
  const alice = await page(`${line.url}#den`, { expected });
  await enter(alice, 'alice');
  bob.say('one', 'two', 'three');
  await sees(alice, 'three', 'said');
  await say(alice, '/history #den 2');
  await say(alice, '/join lobby');
  await roomIs(alice, 'lobby');
  bob.say('/delete @bob 2', 'four');
  await bob.until(/2 messages of bob were deleted/);
  await say(alice, '/join den');
  await sees(alice, 'four', 'said');
  same(await messages(alice), ['one', 'four'], 'the den on coming back');
  bob.say('five', 'six');
  await sees(alice, 'six', 'said');
  await say(alice, '/follow lobby', '/join lobby', '/follow den', '/history #den 2');
  await roomIs(alice, 'den');
  bob.say('/delete last');
  await isGone(alice, 'six');
  line.cut();
  await disconnected(alice);
  bob.say('seven', '/delete last', '/delete last', 'eight');
  await bob.until(/(A message of bob was deleted[^]*){3}/);
  line.mend();
  await again(alice);
  await say(alice, '/join den');
  await until(alice, () => me.room === 'den' && home().isComplete, null, 'not in the den');
  await sees(alice, 'eight', 'said');
  await isGone(alice, 'five');
  same(await messages(alice), ['one', 'four', 'eight'], 'the den after the connection was lost');
}

export async function deleted_messages_leave_what_was_found({ server, page }) {
  const folder = await mkdtemp(join(tmpdir(), 'chinwag-'));
  try {
    const house = await server(['--store', join(folder, 'store'), '--history', '2']);
    const alice = await page(`${house.url}#den`);
    await enter(alice, 'alice');
    const bob = await ncIn(house, 'bob', 'den');
    bob.say('a fish', 'two fish', 'three', 'four');
    await sees(alice, 'four', 'said');
    await say(alice, '/search fish');
    const found = (count) => until(alice, (wanted) => document.querySelectorAll('#results li').length === wanted, count, `not ${count} are found`);
    await found(2);
    // An operator deletes what only the file has.
    await line(alice, 'a fish').first().hover();
    await alice.click('#delete');
    await alice.click('#delete');
    await sees(alice, 'A message of bob was deleted by alice.', 'notice');
    await found(1);
    await say(alice, '/search fish');
    await until(alice, () => document.querySelector('#searchState').textContent === '1 message', null, 'not one is found');
    check(!(await alice.innerText('#room')).includes('a fish'), 'a deleted message is found');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
