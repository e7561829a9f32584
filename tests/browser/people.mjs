// What a person does at the page, and what they see there.
import { check, DEADLINE, Failure } from './harness.mjs';

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

/** Waits until the page is in the room, and knows it. */
export async function connected(page) {
  await until(page, () => document.querySelector('#send').getAttribute('aria-disabled') === 'false', null, 'the page is not connected');
}

export async function disconnected(page) {
  await until(page, () => document.querySelector('#send').getAttribute('aria-disabled') === 'true', null, 'the page has not noticed that the connection is lost');
}

/** What a browser says of every connection that fails. */
export const expected = /WebSocket connection to .* failed|ERR_/;

/** Connects again, and does not wait for the page to try. */
export const again = (page) => page.click('#now', { timeout: 2000 }).catch(() => {}).then(() => connected(page));

/** Lines were told by a counter: each once, in order, none missing. */
export function counted(texts, prefix, last, seed) {
  const found = texts.filter((text) => text.startsWith(`${prefix} `)).map((text) => Number(text.slice(prefix.length + 1)));
  const wanted = Array.from({ length: last }, (_, index) => index + 1);
  check(JSON.stringify(found) === JSON.stringify(wanted), `the lines of ${prefix} are ${found}, not 1 to ${last}${seed === undefined ? '' : ` (CHINWAG_SEED=${seed})`}`);
}
