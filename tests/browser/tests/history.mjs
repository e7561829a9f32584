// What was said before: scrolling up, going to a day, search, and how much of it is in the document.
import { Nc, check, same } from '../harness.mjs';
import { connected, enter, messages, ncIn, roomIs, say, sees, show, sound, until, DESKTOP, PHONE, SMALL } from '../people.mjs';

const MOST = 300; // lines in the document

/** A server with a store in which the lobby has so many numbered messages. */
async function withHistory({ server, folder }, count, options = []) {
  const house = await server(['--store', `${await folder()}/store`, '--rate', '0', '--backlog-bytes', '64000000', ...options]);
  const carol = await Nc.enter(house, 'carol');
  for (let said = 0; said < count; said += 500) {
    carol.say(...Array.from({ length: Math.min(500, count - said) }, (_, index) => `line ${said + index + 1}`), `/ping ${said}`);
    await carol.until(new RegExp(`pong ${said}\\r`));
  }
  return { house, carol };
}

const numbers = async (page) => (await messages(page)).map((text) => Number(text.match(/\d+$/)[0]));

/** The lines in the document follow each other, and are not too many. */
async function holds(page, what) {
  const found = await numbers(page);
  check(found.length <= MOST, `${found.length} lines are in the document, ${what}`);
  same(found, found.map((_, index) => found[0] + index), `the lines in the document, ${what}`);
  return found;
}

export async function scrolling_up_loads_what_was_said_before({ server, folder, page }) {
  const { house, carol } = await withHistory({ server, folder }, 1000, ['--history', '50']);
  const alice = await page(house.url);
  await enter(alice, 'alice');
  await sees(alice, 'line 1000', 'said');
  let first = (await holds(alice, 'at the end'))[0];
  while (first > 1) {
    // What is in sight stays there while more comes above.
    const [before, text] = await alice.evaluate(() => {
      $.log.scrollTop = 0;
      const line = $.lines.querySelector('.said');
      return [line.getBoundingClientRect().top, line.querySelector('.text').textContent];
    });
    await until(alice, (was) => Number($.lines.querySelector('.said .text').textContent.slice(5)) < was, first, `nothing is loaded above line ${first}`);
    const now = await alice.evaluate((wanted) => [...$.lines.querySelectorAll('.said')].find((line) => line.querySelector('.text').textContent === wanted).getBoundingClientRect().top, text);
    check(Math.abs(now - before) < 40, `${text} moves from ${before} to ${now} when more comes above it`);
    [first] = await holds(alice, 'while scrolling up');
  }
  same(await alice.textContent('#top'), 'This is the beginning of lobby.', 'what stands at the beginning');
  carol.say('line 1001');
  await until(alice, () => $.newest.textContent === '1 new message ↓', null, 'the new message is not counted');
  // Down again, without a jump, to the newest.
  for (let last = (await numbers(alice)).at(-1); last < 1001; [last] = (await holds(alice, 'while scrolling down')).slice(-1)) {
    await alice.evaluate(() => { $.log.scrollTop = $.log.scrollHeight; });
    await until(alice, (was) => Number([...$.lines.querySelectorAll('.said .text')].at(-1).textContent.slice(5)) > was || shown.live.items.length === to, last, `nothing comes below line ${last}`);
  }
  await until(alice, () => {
    $.log.scrollTop = $.log.scrollHeight;
    return $.newest.hidden;
  }, null, 'the newest line is not reached');
}

export async function search_finds_marks_and_goes_there({ server, folder, page, picture }) {
  const { house, carol } = await withHistory({ server, folder }, 1500);
  carol.say('a fish and chips', 'FISH again');
  const alice = await page(house.url);
  await enter(alice, 'alice');
  await sees(alice, 'FISH again', 'said');
  await alice.keyboard.press('Control+k');
  same(await alice.evaluate(() => document.activeElement.id), 'searchWords', 'the focus after Ctrl-K');
  await alice.keyboard.type('fish');
  await alice.keyboard.press('Enter');
  await until(alice, () => document.querySelectorAll('#results li').length === 2, null, 'two are not found');
  same(await alice.$$eval('#results mark', (marks) => marks.map((mark) => mark.textContent)), ['FISH', 'fish'], 'what is marked');
  await picture(alice, 'search');
  // Twice at once, and with quotation marks.
  await alice.fill('#searchWords', '"fish"');
  await alice.press('#searchWords', 'Enter');
  await alice.press('#searchWords', 'Enter');
  await until(alice, () => !search.isWaiting && search.words === '"fish"' && document.querySelectorAll('#results li').length === 2, null, 'not two are found');
  same(await alice.evaluate(() => search.results.length), 2, 'what is found');
  // Far back, with its context, and on from there to the newest.
  await alice.fill('#searchWords', 'line 77');
  await alice.press('#searchWords', 'Enter');
  await until(alice, () => document.querySelector('#results li:last-child .text')?.textContent === 'line 77', null, 'line 77 is not found');
  await alice.click('#results li:last-child button');
  await until(alice, () => document.querySelector('#log .found .text')?.textContent === 'line 77', null, 'the page does not go to line 77');
  const found = await holds(alice, 'around line 77');
  check(found[0] < 77 && found.at(-1) > 77, `the context of line 77 is ${found[0]} to ${found.at(-1)}`);
  const inSight = await alice.$eval('#log .found', (line) => { const [box, log] = [line, $.log].map((node) => node.getBoundingClientRect()); return box.top >= log.top && box.bottom <= log.bottom; });
  check(inSight, 'line 77 is not in sight');
  carol.say('said meanwhile');
  await until(alice, () => $.newest.textContent === '1 new message ↓', null, 'the new message is not counted');
  check(!(await messages(alice)).includes('said meanwhile'), 'a new message stands among old ones');
  await alice.click('#newest');
  await sees(alice, 'said meanwhile', 'said');
  await until(alice, () => $.newest.hidden, null, 'the newest line is not reached');
  // The slash begins a search if no field has the focus.
  await alice.evaluate(() => document.activeElement.blur());
  await alice.keyboard.press('/');
  same(await alice.evaluate(() => document.activeElement.id), 'searchWords', 'the focus after a slash');
  await alice.fill('#searchWords', 'nothinglikethis');
  await alice.press('#searchWords', 'Enter');
  await until(alice, () => document.querySelector('#searchState').textContent === 'No message with “nothinglikethis” was found.', null, 'it is not said that nothing was found');
  // Older results come on demand.
  await say(alice, '/search line');
  await until(alice, () => document.querySelectorAll('#results li').length === 20, null, '/search does not open the box');
  await say(alice, '/follow den');
  await sees(alice, 'You are in den too', 'notice');
  await show(alice, 'den');
  await alice.click('#olderResults');
  await until(alice, () => document.querySelectorAll('#results li').length === 40, null, 'older results do not come');
  await alice.keyboard.press('Escape');
  check(!await alice.isVisible('#search'), 'Escape does not close the search');
  await until(alice, () => pending.length === 0, null, 'the page takes lines for unanswered');
}

export async function blocks_of_code_go_on_over_pages({ server, folder, page }) {
  const house = await server(['--store', `${await folder()}/store`, '--rate', '0', '--history', '20']);
  const carol = await Nc.enter(house, 'carol');
  // The border of a page is within a block.
  for (let block = 0; block < 8; block += 1) carol.say('```', ...Array.from({ length: 28 }, (_, line) => `code ${block * 28 + line}`), '```', `text ${block}`);
  carol.say('/ping said');
  await carol.until(/pong said/);
  const alice = await page(house.url);
  await enter(alice, 'alice');
  await sees(alice, 'text 7', 'said');
  await until(alice, () => {
    $.log.scrollTop = 0;
    return shown.live.hasOlder === false;
  }, null, 'the beginning is not reached');
  const blocks = await alice.evaluate(() => shown.live.items.filter((item) => SPEECH.has(item.kind)).map((item) => item.parts ? item.parts.flatMap((part) => part.lines).length : item.text));
  same(blocks, Array.from({ length: 8 }, (_, block) => [28, `text ${block}`]).flat(), 'the blocks and the texts between them');
  same(await alice.$$eval('#log pre', (nodes) => nodes.map((node) => node.textContent.split('\n').length)), Array(8).fill(28), 'the blocks in the document');
}

export async function reading_on_from_an_old_message_reaches_the_newest({ server, folder, page }) {
  const { house } = await withHistory({ server, folder }, 700);
  const alice = await page(house.url);
  await enter(alice, 'alice');
  await sees(alice, 'line 700', 'said');
  await alice.fill('#text', '/search line 100');
  await alice.press('#text', 'Enter');
  await until(alice, () => [...document.querySelectorAll('#results .text')].some((node) => node.textContent === 'line 100'), null, 'line 100 is not found');
  await alice.evaluate(() => [...document.querySelectorAll('#results button')].find((node) => node.querySelector('.text').textContent === 'line 100').click());
  await until(alice, () => document.querySelector('#log .found .text')?.textContent === 'line 100', null, 'the page does not go to line 100');
  for (let last = (await numbers(alice)).at(-1); last < 700; [last] = (await holds(alice, 'while reading on')).slice(-1)) {
    await until(alice, (was) => {
      $.log.scrollTop = $.log.scrollHeight;
      return Number([...$.lines.querySelectorAll('.said .text')].at(-1).textContent.slice(5)) > was;
    }, last, `nothing comes below line ${last}`);
  }
  await alice.evaluate(() => { $.log.scrollTop = $.log.scrollHeight; });
  await until(alice, () => shown.segment === shown.live && $.newest.hidden, null, 'the newest line is not reached');
}

export async function day_can_be_gone_to({ server, folder, page }) {
  const { house } = await withHistory({ server, folder }, 300);
  const alice = await page(house.url);
  await enter(alice, 'alice');
  await sees(alice, 'line 300', 'said');
  await alice.click('#openSearch');
  const today = await alice.evaluate(() => new Date().toLocaleDateString('sv'));
  await alice.fill('#searchDate', today);
  await alice.press('#searchDate', 'Enter');
  await until(alice, () => document.querySelector('#log .found .text')?.textContent === 'line 1', null, 'the page does not go to the first message of today');
  await alice.fill('#searchDate', '2999-01-01');
  await alice.press('#searchDate', 'Enter');
  await sees(alice, 'Nothing was said on that day or later.', 'notice');
}

export async function server_without_store_is_searched_in_the_page({ server, page }) {
  const house = await server();
  const carol = await ncIn(house, 'carol', 'den');
  carol.say('a fish', 'a bird');
  const alice = await page(`${house.url}#den`);
  await enter(alice, 'alice');
  await sees(alice, 'a bird', 'said');
  await alice.click('#openSearch');
  check(!await alice.isVisible('#searchDate'), 'a day can be gone to');
  await alice.fill('#searchWords', 'FISH');
  await alice.press('#searchWords', 'Enter');
  await until(alice, () => document.querySelectorAll('#results li').length === 1, null, 'the fish is not found');
  await alice.click('#results button');
  await until(alice, () => document.querySelector('#log .found .text')?.textContent === 'a fish', null, 'the page does not go there');
}

/** The search and its results, in one size. */
async function searching({ server, page, picture }, name, options) {
  const house = await server();
  const carol = await Nc.enter(house, 'carol');
  carol.say('a fish for everybody, which is rather long for a narrow panel');
  const alice = await page(house.url, options);
  await enter(alice, 'alice');
  await sees(alice, 'a fish', 'said');
  await alice.click('#openSearch');
  await alice.fill('#searchWords', 'fish');
  await alice.press('#searchWords', 'Enter');
  await alice.waitForSelector('#results li');
  await sound(alice, `the search, ${name}`);
  await picture(alice, `${name}-search`);
  await alice.click('#results button');
  await alice.waitForSelector('#log .found');
  if (options.isMobile) check(!await alice.isVisible('#members'), 'the panel stays over the message');
}

export const searching_on_a_desktop_in_light = (world) => searching(world, 'desktop-light', { ...DESKTOP, colorScheme: 'light' });
export const searching_on_a_phone_in_dark = (world) => searching(world, 'phone-dark', { ...PHONE, colorScheme: 'dark' });
export const searching_on_a_small_phone = (world) => searching(world, 'small', { ...SMALL, colorScheme: 'light', locale: 'zh-CN' });

export async function page_stays_usable_with_much_history_and_in_a_flood({ server, folder, page }) {
  const { house, carol } = await withHistory({ server, folder }, 10_000, ['--history', '500']);
  const alice = await page(house.url);
  await enter(alice, 'alice');
  await sees(alice, 'line 10000', 'said');
  for (let loaded = 0; loaded < 9_999; loaded = await alice.evaluate(() => shown.live.items.filter((item) => item.id).length)) {
    await until(alice, (was) => {
      $.log.scrollTop = 0;
      return shown.live.items.filter((item) => item.id).length > was || shown.live.hasOlder === false;
    }, loaded, 'no older messages come');
  }
  check((await holds(alice, 'with 10,000 messages')).length <= MOST, 'too many lines');
  await alice.click('#newest');
  await sees(alice, 'line 10000', 'said');
  carol.say(...Array.from({ length: 5000 }, (_, index) => `line ${10_001 + index}`));
  await sees(alice, 'line 15000', 'said');
  await holds(alice, 'after the flood');
  await say(alice, 'still here');
  await carol.until(/alice: still here/);
}
