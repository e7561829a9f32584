// What the page costs: CHINWAG=target/release/chinwag node measure.mjs
// Prints its size, the time to the first message, the memory with 10,000 messages, and the longest task while messages come fast.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Browser, Nc, Server } from './harness.mjs';
import { enter, sees } from './people.mjs';

const MESSAGES = 10_000;
const FLOOD = { perSecond: 500, seconds: 10 };

const folder = await mkdtemp(join(tmpdir(), 'chinwag-measure-'));
const server = await Server.start(process.env.CHINWAG, ['--store', join(folder, 'store'), '--rate', '0', '--backlog-bytes', '64000000', '--history', '500']);
const carol = await Nc.enter(server, 'carol');
for (let said = 0; said < MESSAGES; said += 500) {
  carol.say(...Array.from({ length: 500 }, (_, index) => `line ${said + index + 1}, about as long as lines are when people talk`), `/ping ${said}`);
  await carol.until(new RegExp(`pong ${said}\\r`));
}

const browser = await Browser.start(false);
const page = await browser.page(server.url);
const session = await page.context().newCDPSession(page);
const heap = async () => {
  await session.send('HeapProfiler.collectGarbage');
  return (await session.send('Runtime.getHeapUsage')).usedSize / 1e6;
};
const size = (await page.evaluate(() => document.documentElement.outerHTML)).length;
const empty = await heap();

// From an empty cache to the first message in the document, with the name already known.
await page.evaluate(() => { sessionStorage.setItem('chinwag.name', 'alice'); });
await session.send('Network.clearBrowserCache');
await page.reload({ waitUntil: 'commit' });
const first = await page.evaluate(() => new Promise((seen) => {
  const look = () => document.querySelector('#log .said') ? seen(performance.now()) : requestAnimationFrame(look);
  look();
}));

await sees(page, `line ${MESSAGES}`, 'said');
let loaded = 0;
const began = performance.now();
for (let before = -1; loaded > before;) {
  before = loaded;
  for (let wait = 0; wait < 40 && loaded === before; wait += 1) {
    loaded = await page.evaluate(() => { const log = document.querySelector('#log'); log.scrollTop = 0; return typeof shown === 'undefined' ? document.querySelectorAll('#log .said').length : shown.live.items.length; });
    await pause(10);
  }
}
const scrolling = performance.now() - began;
const nodes = await page.evaluate(() => document.querySelectorAll('#log *').length);
const full = await heap();
await page.click('#newest').catch(() => {});

// In a task that is longer than 50 ms the page does not answer.
await page.evaluate(() => {
  window.tasks = [];
  new PerformanceObserver((list) => window.tasks.push(...list.getEntries().map((entry) => entry.duration))).observe({ type: 'longtask' });
});
for (let tenth = 0; tenth < FLOOD.seconds * 10; tenth += 1) {
  carol.say(...Array.from({ length: FLOOD.perSecond / 10 }, (_, index) => `flood ${tenth * FLOOD.perSecond / 10 + index + 1}, about as long as lines are when people talk`));
  await pause(100);
}
await sees(page, `flood ${FLOOD.perSecond * FLOOD.seconds},`, 'said');
const tasks = await page.evaluate(() => window.tasks);

console.log(`size ${size} bytes`);
console.log(`first message after ${Math.round(first)} ms`);
console.log(`${loaded} lines loaded by scrolling up in ${Math.round(scrolling)} ms; ${nodes} nodes in the log; heap ${empty.toFixed(1)} MB empty, ${full.toFixed(1)} MB with them`);
console.log(`flood of ${FLOOD.perSecond} messages a second: ${tasks.length} tasks above 50 ms, the longest ${Math.round(Math.max(0, ...tasks))} ms`);
await browser.close();
await server.stop('SIGKILL');
await rm(folder, { recursive: true, force: true });
