// What a person does at the page, and what they see there.
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { check, DEADLINE, Failure, Nc } from './harness.mjs';

export async function enter(page, name) {
  await page.fill('#nickname', name);
  await page.press('#nickname', 'Enter');
  await page.waitForSelector('#room:not([hidden])');
}

export async function say(page, ...lines) {
  for (const line of lines) {
    await page.fill('#text', line);
    await page.press('#text', 'Enter');
  }
}

/** Waits until a condition on the page holds; `what` says it where it does not. */
export async function until(page, condition, argument, what) {
  try {
    await page.waitForFunction(condition, argument, { timeout: DEADLINE });
  } catch (error) {
    if (error.name !== 'TimeoutError') throw error;
    throw new Failure(`${what}; on the page is: ${JSON.stringify((await page.innerText('main')).slice(-500))}`);
  }
}

/** Waits for a line with this text, of a kind (`said`, `whisper`, `notice`, …). */
export async function sees(page, text, kind = 'line') {
  const found = ([wanted, name]) => [...document.querySelectorAll(`#log .${name}`)].some((line) => line.textContent.includes(wanted));
  await until(page, found, [text, kind], `no ${kind} with ${JSON.stringify(text)}`);
}

/** The texts of the messages that are said in the room, in their order. */
export function messages(page) {
  return page.$$eval('#log .said > .text, #log .action > .text', (nodes) => nodes.map((node) => node.textContent));
}

/** Waits until the page is in its current room, and shows what was said there. */
export async function connected(page) {
  await until(page, () => phase === 'here' && home().isComplete && cancelFlush === null, null, 'the page is not connected');
}

export async function disconnected(page) {
  await until(page, () => document.querySelector('#send').getAttribute('aria-disabled') === 'true', null, 'the page has not noticed that the connection is lost');
}

/** What a browser says of every connection that fails. */
export const expected = /WebSocket connection to .* failed|ERR_/;

/** Waits until every room of the page is up to date, and no line of a lost connection is in doubt. */
export const upToDate = (page, what = '') => until(page, () => phase === 'here' && memberRooms().every((view) => view.isComplete && view.isConfirmed) && doubtful.length === 0, null, `the page is not up to date${what}`);

/** Shows a room or, after `@`, a conversation of the list. */
export const show = (page, key) => page.click(`#${key.startsWith('@') ? 'talkList' : 'roomList'} [data-key="${key}"]`);

/** Opens the card of a person in the list. */
export async function openCard(page, name) {
  if (!await page.isVisible('#peopleList')) await page.click('#toggleMembers');
  await page.click(`#peopleList [data-key="${name}"]`);
  await page.waitForSelector('#card[open]');
}

export const closeCard = (page) => page.click('#card form button');

/** What the card offers. */
export const acts = (page) => page.$$eval('#cardActs [data-act]', (buttons) => buttons.map((button) => button.dataset.act));

/** Does something to a person by the card; what cannot be taken back is asked about. */
export async function act(page, name, what) {
  if (!await page.isVisible('#card[open]')) await openCard(page, name);
  await page.click(`#cardActs [data-act="${what}"]`);
  if (await page.isVisible('#card[open]')) await page.click(`#cardActs [data-act="${what}"]`);
  await page.waitForSelector('#card:not([open])', { state: 'attached' });
}

/** Connects again, and does not wait for the page to try. */
export const again = (page) => page.click('#now', { timeout: 2000 }).catch(() => {}).then(() => connected(page));

/** Lines were told by a counter: each once, in order, none missing. */
export function counted(texts, prefix, last, seed) {
  const found = texts.filter((text) => text.startsWith(`${prefix} `)).map((text) => Number(text.slice(prefix.length + 1)));
  const wanted = Array.from({ length: last }, (_, index) => index + 1);
  check(JSON.stringify(found) === JSON.stringify(wanted), `the lines of ${prefix} are ${found}, not 1 to ${last}${seed === undefined ? '' : ` (CHINWAG_SEED=${seed})`}`);
}

/** Waits until a room is shown, and the lists and the title, which are drawn with the next frame, are those of it. */
export const roomIs = (page, room) => until(page, (wanted) => document.querySelector('#roomName').textContent === wanted && cancelFlush === null, room, `not in ${room}`);

/** Waits until this many messages of a followed room are counted as unread; `''`: none. */
export const badgeIs = (page, room, text) => until(
  page,
  ([key, wanted]) => {
    const node = document.querySelector(`#roomList [data-key="${key}"] .badge`);
    return node !== null && (node.hidden ? '' : node.textContent) === wanted;
  },
  [room, text],
  `${room} does not have ${JSON.stringify(text)} unread`,
);

/** A member at nc in this room. */
export async function ncIn(server, name, room) {
  const nc = await Nc.enter(server, name);
  nc.say(`/join ${room}`);
  await nc.until(new RegExp(`You are in ${room}`));
  return nc;
}

/** Notes notifications, and allows them, or as soon as the user is asked (`default`). */
export const noteNotifications = (page, permission) => page.evaluate((first) => {
  window.notes = [];
  window.Notification = class {
    static permission = first;
    static async requestPermission() { return this.permission = 'granted'; }
    constructor(title, { body }) { window.notes.push(`${title}: ${body}`); }
  };
}, permission);

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export const DESKTOP = { viewport: { width: 1280, height: 800 } };
export const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };
export const SMALL = { viewport: { width: 320, height: 568 }, isMobile: true, hasTouch: true };

/** The page has nothing that keeps people from using it, as far as axe can tell, and fits the screen. */
export async function sound(page, where) {
  // Colours are looked at when they have come to rest.
  await page.evaluate(() => Promise.all(document.getAnimations().map((animation) => animation.finished.catch(() => {}))));
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
  const told = violations.map((found) => `${found.id} (${found.nodes.slice(0, 3).map((node) => `${node.target}: ${node.any.concat(node.all)[0]?.message ?? ''}`).join(', ')})`);
  if (told.length) throw new Failure(`axe at ${where}: ${told.join('; ')}`);
  const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  check(over <= 0, `${where} is ${over} pixels wider than the screen`);
}

/** A page that enters this room. */
export async function pageIn(page, url, name, room, options) {
  const made = await page(`${url}#${room}`, options);
  await enter(made, name);
  await roomIs(made, room);
  return made;
}

/** Changes a setting as a person does. */
export async function set(page, name, value) {
  if (!await page.isVisible('#settingFields')) await page.click('#settings summary');
  const control = `[data-setting="${name}"]`;
  if (typeof value === 'boolean') return page.setChecked(control, value);
  await page.fill(control, value);
  await page.press(control, 'Enter');
}

export const settingIs = (page, name, value) => until(
  page,
  ([setting, wanted]) => {
    const control = document.querySelector(`[data-setting="${setting}"]`);
    return (control.type === 'checkbox' ? control.checked : control.value) === wanted;
  },
  [name, value],
  `${name} is not ${JSON.stringify(value)}`,
);
