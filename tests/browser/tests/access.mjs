// The page on a desktop and a phone, in light and dark, for those who see little or nothing of it.
import { Nc, check, same } from '../harness.mjs';
import { closeCard, DESKTOP, enter, openCard, PHONE, say, sees, show, SMALL, sound, until } from '../people.mjs';

async function talkedIn(house, page) {
  const bob = await Nc.enter(house, 'bob');
  const [carol, zhang] = [await Nc.enter(house, 'carol'), await Nc.enter(house, '张三')];
  bob.say('anyone for lunch?');
  await carol.until(/lunch/);
  carol.say('soon', 'the place on the corner has fish today: https://example.org/menu?day=friday. They close at two, so perhaps a little before noon');
  await zhang.until(/before noon/);
  zhang.say('好的，我也来。', '/me waves');
  await bob.until(/waves/);
  await enter(page, 'alice');
  await say(page, 'Noon is fine for me', 'I will bring the umbrella', '/me laughs', '@nobody hi');
  await page.waitForSelector('#log .refused');
  await say(page, '/help');
  bob.say('alice: is it raining?', '@alice the fish is good', 'x'.repeat(200));
  await sees(page, 'xxx', 'said');
  await sees(page, 'has fish', 'said');
  await until(page, () => findTalk('bob')?.unread === 1, null, 'no whisper');
  zhang.leave();
  await sees(page, '张三', 'presence');
}

/** Every screen there is, in one size and one scheme. */
async function everywhere({ server, page, picture }, name, options) {
  const house = await server(['--max-clients', '4']);
  const alice = await page(house.url, options);
  await sound(alice, `the login, ${name}`);
  await picture(alice, `${name}-login`);
  await talkedIn(house, alice);
  await sound(alice, `the room, ${name}`);
  await picture(alice, `${name}-room`);
  if (options.isMobile) {
    for (const [button, panel] of [['toggle', 'side'], ['toggleMembers', 'members']]) {
      await alice.click(`#${button}`);
      await sound(alice, `the panel ${panel}, ${name}`);
      await picture(alice, `${name}-${panel}`);
      await alice.keyboard.press('Escape');
      same(await alice.evaluate(() => document.activeElement.id), button, 'the focus behind the panel');
      check(await alice.$eval(`#${panel}`, (node) => node.hidden), 'Escape does not close the panel');
    }
  }
  await openCard(alice, 'bob');
  await alice.waitForSelector('#cardFacts dd');
  await sound(alice, `the card of a person, ${name}`);
  await picture(alice, `${name}-card`);
  await closeCard(alice);
  if (options.isMobile) await alice.keyboard.press('Escape');
  await alice.fill('#text', '@bob a secret');
  await sound(alice, `a whisper being written, ${name}`);
  await alice.press('#text', 'Enter');
  await sees(alice, 'a secret', 'whisper');
  await sound(alice, `a conversation, ${name}`);
  await picture(alice, `${name}-talk`);
  if (options.isMobile) await alice.click('#toggle');
  await show(alice, 'lobby');
  await alice.evaluate(() => { window.dispatchEvent(new Event('blur')); });
  const dave = await Nc.enter(house, 'dave');
  dave.say('unread');
  await sees(alice, 'unread', 'said');
  await sound(alice, `unread messages, ${name}`);
  const erin = await page(house.url, options);
  await erin.fill('#nickname', 'erin');
  await erin.press('#nickname', 'Enter');
  await erin.waitForSelector('#waiting:not([hidden])');
  await sound(erin, `the waiting line, ${name}`);
  await picture(erin, `${name}-waiting`);
  dave.leave();
  await until(erin, () => !document.querySelector('#room').hidden, null, 'not let in');
}

export const on_a_desktop_in_light = (world) => everywhere(world, 'desktop-light', { ...DESKTOP, colorScheme: 'light' });
export const on_a_desktop_in_dark = (world) => everywhere(world, 'desktop-dark', { ...DESKTOP, colorScheme: 'dark' });
export const on_a_phone_in_light = (world) => everywhere(world, 'phone-light', { ...PHONE, colorScheme: 'light' });
export const on_a_phone_in_dark = (world) => everywhere(world, 'phone-dark', { ...PHONE, colorScheme: 'dark', locale: 'zh-CN' });
export const on_a_small_phone = (world) => everywhere(world, 'small', { ...SMALL, colorScheme: 'light' });
export const in_forced_colours = (world) => everywhere(world, 'forced', { ...DESKTOP, forcedColors: 'active', reducedMotion: 'reduce' });

/** Followed rooms with unread messages and a mention, and a topic that is longer than the screen is wide. */
async function severalRooms({ server, page, picture }, name, options) {
  const house = await server();
  const bob = await Nc.enter(house, 'bob');
  const topic = 'what is for lunch today, and who brings the umbrella, since it rains as it has not rained for a long time';
  bob.say(`/topic ${topic}`, '/follow den', '/follow cellar', '#den in the den', '#cellar in the cellar', `/topic #den ${topic}`);
  await bob.until(/set the topic[^]*set the topic/);
  const alice = await page(house.url, options);
  await enter(alice, 'alice');
  await say(alice, '/follow den', '/follow cellar');
  await sees(alice, 'cellar', 'notice');
  bob.say('#den in the den', '#cellar alice: in the cellar', 'here');
  await sees(alice, 'here', 'said');
  await until(alice, () => document.querySelector('#unreadRooms').textContent === '@2', null, 'the unread messages are not counted');
  await sound(alice, `the room with a topic, ${name}`);
  await picture(alice, `${name}-topic`);
  if (options.isMobile) await alice.click('#toggle');
  await sound(alice, `the followed rooms, ${name}`);
  await picture(alice, `${name}-followed`);
}

export const several_rooms_on_a_desktop_in_light = (world) => severalRooms(world, 'desktop-light', { ...DESKTOP, colorScheme: 'light' });
export const several_rooms_on_a_desktop_in_dark = (world) => severalRooms(world, 'desktop-dark', { ...DESKTOP, colorScheme: 'dark' });
export const several_rooms_on_a_phone_in_dark = (world) => severalRooms(world, 'phone-dark', { ...PHONE, colorScheme: 'dark' });
export const several_rooms_on_a_small_phone = (world) => severalRooms(world, 'small', { ...SMALL, colorScheme: 'light', locale: 'zh-CN' });

export async function every_name_can_be_read_on_every_background({ server, page }) {
  const house = await server();
  for (const colorScheme of ['light', 'dark']) {
    const alice = await page(house.url, { colorScheme });
    const worst = await alice.evaluate(() => {
      const paint = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
      const light = (color) => {
        paint.fillStyle = color;
        paint.fillRect(0, 0, 1, 1);
        const [r, g, b] = [...paint.getImageData(0, 0, 1, 1).data].map((part) => part / 255).map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
      };
      const name = document.createElement('bdi');
      name.className = 'name';
      document.body.append(name);
      const grounds = ['--paper', '--raised', '--own', '--whisper', '--mention'].map((each) => light(getComputedStyle(document.documentElement).getPropertyValue(each)));
      let least = 21;
      for (let hue = 0; hue < 360; hue += 10) {
        name.style.setProperty('--hue', hue);
        const ink = light(getComputedStyle(name).color);
        for (const ground of grounds) least = Math.min(least, (Math.max(ink, ground) + 0.05) / (Math.min(ink, ground) + 0.05));
      }
      name.remove();
      return least;
    });
    check(worst >= 4.5, `a name in ${colorScheme} has a contrast of ${worst.toFixed(2)}`);
  }
}

export async function a_screen_reader_is_told_and_not_flooded({ server, page }) {
  const house = await server(['--rate', '0']);
  const carol = await Nc.enter(house, 'carol');
  const alice = await page(house.url);
  await enter(alice, 'alice');
  await until(alice, () => document.querySelector('#log').getAttribute('aria-live') === null, null, 'the log is not read');
  carol.say('a single line');
  await sees(alice, 'a single line', 'said');
  check(await alice.getAttribute('#log', 'aria-live') === null, 'a single line is not read');
  carol.say(...Array.from({ length: 50 }, (_, index) => `line ${index + 1}`));
  await sees(alice, 'line 50', 'said');
  check(await alice.getAttribute('#log', 'aria-live') === 'off', 'fifty lines at once are read out');
  await until(alice, () => /^\d+ new messages$/.test(document.querySelector('#status').textContent), null, 'fifty lines are not counted for a screen reader');
}
