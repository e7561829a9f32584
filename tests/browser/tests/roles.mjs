// Roles and settings of rooms: who may what, and what operators do to others.
import { check, same } from '../harness.mjs';
import { act, acts, closeCard, DESKTOP, enter, ncIn, openCard, pageIn, PHONE, roomIs, say, sees, set, settingIs, SMALL, sound, until } from '../people.mjs';

const roleIs = (page, name, role) => until(
  page,
  ([who, wanted]) => {
    const node = document.querySelector(`#peopleList [data-item="${who}"] .role`);
    return node !== null && node.textContent.trim() === wanted;
  },
  [name, role],
  `${name} is not marked as ${JSON.stringify(role)}`,
);
const logOf = (page) => page.innerText('#log');

export async function roles_are_marked_and_given_in_the_list({ server, page, picture }) {
  const house = await server();
  const alice = await pageIn(page, house.url, 'alice', 'den');
  const bob = await ncIn(house, 'bob', 'den');
  const carol = await pageIn(page, house.url, 'carol', 'den');
  await roleIs(alice, '@alice', 'operator');
  await roleIs(carol, 'alice', 'operator');
  await openCard(carol, 'bob');
  same(await acts(carol), ['whisper', 'mention', 'ignore'], 'what a member can do');
  await closeCard(carol);
  await openCard(alice, 'bob');
  same(await acts(alice), ['whisper', 'mention', 'ignore', 'op', 'voice', 'mute', 'kick', 'ban'], 'what an operator can do');
  await picture(alice, 'acts');
  await act(alice, 'bob', 'voice');
  await bob.until(/alice gave bob voice/);
  await sees(carol, 'alice gave bob voice.', 'notice');
  await roleIs(carol, 'bob', 'voice');
  same(await carol.textContent('#peopleList [data-key=bob]'), 'bob voice', 'what a screen reader reads');
  await roleIs(alice, 'bob', 'voice');
  await act(alice, 'bob', 'devoice');
  await sees(carol, 'alice took voice from bob.', 'notice');
  await roleIs(carol, 'bob', '');
  await roleIs(alice, 'bob', '');
  await act(alice, 'bob', 'op');
  await sees(carol, 'alice made bob an operator.', 'notice');
  bob.say('/nick bobby');
  await roleIs(carol, 'bobby', 'operator');
  // A role stays with the member that comes back.
  bob.say('/join lobby', '/join den');
  await bob.until(/You are in den[^]*You are in lobby[^]*You are in den/);
  await roleIs(carol, 'bobby', 'operator');
  bob.say('/deop alice');
  await sees(alice, 'bobby took the operator role from alice.', 'notice');
  await roleIs(alice, '@alice', '');
  await openCard(alice, 'bobby');
  same(await acts(alice), ['whisper', 'mention', 'ignore'], 'what is left when the role is gone');
  await closeCard(alice);
  check(!(await logOf(carol)).includes('Settings of'), 'what the page asks for itself is shown');
  // Another member of the same name has no role.
  bob.leave();
  await carol.waitForSelector('#peopleList [data-item=bobby]', { state: 'detached' });
  await ncIn(house, 'bobby', 'den');
  await roleIs(carol, 'bobby', '');
  await say(carol, '/whois alice');
  await sees(carol, 'alice: here since', 'notice');
  await say(carol, '/op alice');
  await sees(carol, 'Only operators of den can do that.', 'refused');
  for (const each of [alice, carol]) await until(each, () => pending.length === 0, null, 'the page takes lines for unanswered');
}

export async function settings_are_changed_by_operators_and_seen_by_all({ server, page, picture }) {
  const house = await server();
  const alice = await pageIn(page, house.url, 'alice', 'den');
  const bob = await ncIn(house, 'bob', 'den');
  const carol = await pageIn(page, house.url, 'carol', 'den');
  await carol.click('#settings summary');
  check(await carol.isDisabled('[data-setting=limit]'), 'a member can change a setting');
  check(!await carol.isVisible('[data-command=invite]'), 'a member can invite');
  const steps = [
    ['key', 'fish', 'key', /alice changed the settings: key\r/, ''],
    ['limit', '10', 'limit 10', /alice changed the settings: limit 10/, '10'],
    ['slow', '30', 'slow mode 30', /alice changed the settings: slow 30/, '30'],
    ['invite-only', true, 'invite-only', /alice changed the settings: invite-only\r/, true],
    ['moderated', true, 'moderated', /alice changed the settings: moderated\r/, true],
    ['secret', true, 'secret', /alice changed the settings: secret\r/, true],
    ['topic-lock', true, 'topic lock', /alice changed the settings: topic-lock\r/, true],
  ];
  for (const [name, value, words, line, shown] of steps) {
    await set(alice, name, value);
    await bob.until(line);
    await sees(carol, `alice changed the settings: ${words}.`, 'notice');
    await settingIs(carol, name, shown);
    await settingIs(alice, name, value);
  }
  same(await carol.getAttribute('[data-setting=key]', 'placeholder'), 'set', 'what a member sees of the key');
  await picture(alice, 'settings');
  await say(alice, '/room');
  await sees(alice, 'Settings of den: key fish, limit 10, slow mode 30, invite-only, moderated, secret, topic lock. Operators: alice.', 'notice');
  await say(carol, '/room');
  await sees(carol, 'Settings of den: key, limit 10,', 'notice');
  // What another operator changes is seen, and the word of the key asked for.
  await say(alice, '/op bob');
  await bob.until(/alice made bob an operator/);
  bob.say('/room key chips', '/room limit off', '/room secret off');
  await settingIs(alice, 'key', 'chips');
  await settingIs(alice, 'limit', '');
  await settingIs(alice, 'secret', false);
  // What is refused is not shown as set.
  await set(alice, 'key', '字'.repeat(30));
  await sees(alice, 'A key is one word of 64 bytes at most.', 'refused');
  await settingIs(alice, 'key', 'chips');
  await set(alice, 'slow', '0');
  await set(alice, 'key', '');
  await sees(alice, 'alice changed the settings: key off.', 'notice');
  await settingIs(carol, 'key', '');
  same(await carol.getAttribute('[data-setting=key]', 'placeholder'), '', 'what is left of the key');
  await say(alice, '/room slow');
  await sees(alice, 'Usage: /room', 'refused');
  await say(alice, '/room slow 30');
  await sees(alice, 'That is set so already.', 'refused');
  check(!bob.transcript.text.includes('slow 0'), 'a setting that cannot be is set');
  for (const each of [alice, carol]) await until(each, () => pending.length === 0, null, 'the page takes lines for unanswered');
}

export async function kicked_and_banned_members_are_told_and_are_in_the_lobby({ server, page }) {
  const house = await server();
  const alice = await pageIn(page, house.url, 'alice', 'den');
  const bob = await pageIn(page, house.url, 'bob', 'den');
  await sees(alice, 'bob joined', 'presence');
  await act(alice, 'bob', 'kick');
  await roomIs(bob, 'lobby');
  await sees(bob, 'You were kicked from den by alice.', 'notice');
  await sees(alice, 'bob left: kicked', 'presence');
  await say(bob, '/follow den');
  await sees(bob, 'You are in den too', 'notice');
  await say(alice, '/kick bob enough of that');
  await sees(bob, 'You were kicked from den by alice: enough of that', 'notice');
  await until(bob, () => followedRooms().length === 0, null, 'the room is still followed');
  await say(bob, '/join den');
  await roomIs(bob, 'den');
  await alice.waitForSelector('#peopleList [data-item=bob]');
  await act(alice, 'bob', 'ban');
  await roomIs(bob, 'lobby');
  await sees(bob, 'You were banned from den by alice.', 'notice');
  await sees(alice, 'bob was banned by alice.', 'notice');
  await sees(alice, 'bob left: banned', 'presence');
  await say(bob, '/join den');
  await sees(bob, 'You are banned from den.', 'refused');
  await say(bob, 'in the lobby');
  await sees(bob, 'in the lobby', 'own');
  await alice.click('#settings summary');
  await alice.fill('[data-command=unban] input', 'bob');
  await alice.press('[data-command=unban] input', 'Enter');
  await sees(alice, 'bob was unbanned by alice.', 'notice');
  await say(bob, '/join den');
  await roomIs(bob, 'den');
  for (const each of [alice, bob]) await until(each, () => pending.length === 0, null, 'the page takes lines for unanswered');
}

export async function a_text_that_may_not_be_said_comes_back({ server, page }) {
  const house = await server();
  const alice = await pageIn(page, house.url, 'alice', 'den');
  const bob = await pageIn(page, house.url, 'bob', 'den');
  const refused = async (text, reason) => {
    await say(bob, text);
    await sees(bob, reason, 'refused');
    await until(bob, (wanted) => document.querySelector('#text').value === wanted, text, `${text} does not come back`);
  };
  await sees(alice, 'bob joined', 'presence');
  await set(alice, 'slow', '1000');
  await sees(bob, 'slow mode 1000.', 'notice');
  await say(bob, 'the first');
  await sees(bob, 'the first', 'own');
  await refused('too soon', 'den is in slow mode: one message in 1000 seconds. Wait another');
  await set(alice, 'slow', '');
  await set(alice, 'moderated', true);
  await sees(bob, ': moderated.', 'notice');
  await refused('/me wants to speak', 'den is moderated: only its operators and members with voice speak there.');
  await act(alice, 'bob', 'voice');
  await sees(bob, 'alice gave bob voice.', 'notice');
  await say(bob, 'with voice');
  await sees(alice, 'with voice', 'said');
  await act(alice, 'bob', 'mute');
  await sees(bob, 'bob was muted by alice.', 'notice');
  await refused('#den muted', 'You are muted in den.');
  await openCard(alice, 'bob');
  same(await acts(alice), ['whisper', 'mention', 'ignore', 'op', 'devoice', 'unmute', 'kick', 'ban'], 'what an operator can do');
  await act(alice, 'bob', 'unmute');
  await sees(bob, 'bob was unmuted by alice.', 'notice');
  await say(alice, '/mute bob 5');
  await until(bob, () => document.querySelectorAll('#log .notice').length > 0 && [...document.querySelectorAll('#log .notice')].filter((line) => line.textContent.includes('was muted')).length === 2, null, 'not muted again');
  // What is being written is not overwritten.
  await say(bob, 'muted again');
  await bob.fill('#text', 'another thought');
  await sees(bob, 'You are muted in den for another 5 minutes.', 'refused');
  same(await bob.inputValue('#text'), 'another thought', 'what is being written');
  await say(bob, '/topic fish');
  await until(bob, () => document.querySelector('#text').value === '/topic fish', null, 'a topic does not come back');
  for (const each of [alice, bob]) await until(each, () => pending.length === 0, null, 'the page takes lines for unanswered');
}

export async function moderators_act_in_the_lobby_and_on_the_server({ server, page }) {
  const house = await server();
  const alice = await page(house.url);
  await enter(alice, 'alice');
  const bob = await page(house.url);
  await enter(bob, 'bob');
  await sees(alice, 'bob joined', 'presence');
  check(!await alice.isVisible('#settings'), 'the lobby has settings for all');
  house.type('/mod alice');
  await sees(alice, 'server made you a moderator.', 'notice');
  await roleIs(alice, '@alice', 'moderator');
  await openCard(alice, 'bob');
  same(await acts(alice), ['whisper', 'mention', 'ignore', 'voice', 'mute', 'kickAll', 'banAll'], 'what a moderator can do in the lobby');
  await closeCard(alice);
  await set(alice, 'moderated', true);
  await sees(bob, 'alice changed the settings: moderated.', 'notice');
  check(!await alice.isVisible('[data-setting=key]'), 'the lobby can have a key');
  check(!await alice.isVisible('[data-command=invite]'), 'members can be invited to the lobby');
  await say(bob, 'hm');
  await sees(bob, 'lobby is moderated: only moderators and members with voice speak there.', 'refused');
  await act(alice, 'bob', 'voice');
  await roleIs(bob, '@bob', 'voice');
  await say(bob, '/whois alice');
  await sees(bob, '; moderator', 'notice');
  // In any room, without being its operator.
  await say(bob, '/join den');
  await roomIs(bob, 'den');
  await say(alice, '/join den');
  await roomIs(alice, 'den');
  await roleIs(alice, 'bob', 'operator');
  await set(alice, 'topic-lock', true);
  await sees(bob, 'alice changed the settings: topic lock.', 'notice');
  await say(bob, '/kick #den alice');
  await sees(bob, 'alice is a moderator.', 'refused');
  house.type('/unmod alice');
  await sees(alice, 'server took the moderator role from you.', 'notice');
  await roleIs(alice, '@alice', '');
  check(await alice.isDisabled('[data-setting=topic-lock]'), 'the settings can be changed when the role is gone');
  house.type('/mod alice');
  await roleIs(alice, '@alice', 'moderator');
  await say(alice, '/kick bob too loud');
  await until(bob, () => document.querySelector('#why').textContent === 'You were removed by alice: too loud', null, 'no reason for the kick');
}

/** Roles, the settings and what can be done to a member, in one size and one scheme. */
async function operating({ server, page, picture }, name, options) {
  const house = await server();
  const alice = await pageIn(page, house.url, 'alice', 'den', options);
  const bob = await ncIn(house, 'bob', 'den');
  bob.say('hello');
  await say(alice, 'own');
  await sees(alice, 'hello', 'said');
  await sees(alice, 'own', 'own');
  const last = alice.locator('#log .line', { hasText: 'hello' });
  if (options.isMobile) await last.tap();
  else await last.hover();
  await alice.click('#delete');
  await sound(alice, `a question before deletion, ${name}`);
  await picture(alice, `${name}-deleting`);
  if (options.isMobile) await alice.click('#toggleMembers');
  await act(alice, 'bob', 'voice');
  await alice.click('#settings summary');
  await roleIs(alice, 'bob', options.locale ? '有发言权' : 'voice');
  await set(alice, 'slow', '5');
  await settingIs(alice, 'slow', '5');
  await set(alice, 'key', '字'.repeat(30));
  await settingIs(alice, 'key', '');
  if (options.isMobile) await until(alice, () => document.querySelector('#memberWhy').textContent !== '', null, 'the refusal is not shown in the panel');
  await sound(alice, `the settings, ${name}`);
  await picture(alice, `${name}-settings`);
  const carol = await page(`${house.url}#den`, options);
  await set(alice, 'key', 'fish');
  await settingIs(alice, 'key', 'fish');
  await enter(carol, 'carol');
  await carol.waitForSelector('#keyForm:not([hidden])');
  if (options.isMobile) await alice.click('#members .close');
  await say(alice, '/invite carol');
  await carol.waitForSelector('#log [data-join]');
  await sound(carol, `a key and an invitation, ${name}`);
  await picture(carol, `${name}-key`);
  const latin = await alice.$$eval('[data-t], [data-t-label], [data-t-placeholder], .role, [data-act], #delete, #more', (nodes) => nodes.map((node) => `${node.textContent.trim()}${node.getAttribute('aria-label') ?? ''}`).filter((text) => /^[\x20-\x7e]+$/.test(text)));
  if (options.locale) same(latin, [], 'what is left in English');
}

export const operating_on_a_desktop_in_light = (world) => operating(world, 'desktop-light', { ...DESKTOP, colorScheme: 'light' });
export const operating_on_a_phone_in_dark = (world) => operating(world, 'phone-dark', { ...PHONE, colorScheme: 'dark' });
export const operating_on_a_small_phone = (world) => operating(world, 'small', { ...SMALL, colorScheme: 'light', locale: 'zh-CN' });
