// What the browser tests stand on: the server, a person at nc, a line that can be cut, pages that are watched.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import { chromium, firefox } from 'playwright-core';

/** How long anything may take that is waited for, in milliseconds. */
export const DEADLINE = 10_000;

export class Failure extends Error {}

export function check(holds, what) {
  if (!holds) throw new Failure(what);
}

export function same(found, wanted, what) {
  const [left, right] = [JSON.stringify(found), JSON.stringify(wanted)];
  if (left !== right) throw new Failure(`${what}: ${left}, not ${right}`);
}

/** Numbers that look random and are the same for the same seed (mulberry32); the seed is CHINWAG_SEED, if that is set. */
export function random() {
  const seed = Number(process.env.CHINWAG_SEED ?? Date.now() % 1_000_000);
  let state = seed;
  const below = (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
  return { seed, below };
}

function deadline(promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Failure(`${what} within ${DEADLINE} ms`)), DEADLINE);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Text that comes bit by bit, of which one waits for a part. */
class Transcript {
  text = '';
  #waiting = new Set();

  add(piece) {
    this.text += piece;
    for (const look of this.#waiting) look();
  }

  until(pattern, what) {
    let look;
    const found = new Promise((resolve) => {
      look = () => {
        const match = this.text.match(pattern);
        if (match) resolve(match);
      };
      this.#waiting.add(look);
      look();
    });
    return deadline(found, `no ${pattern} ${what}; there was: ${JSON.stringify(this.text.slice(-400))}`).finally(() => this.#waiting.delete(look));
  }
}

/** A server of its own, on ports of its own. */
export class Server {
  static async start(binary, options = [], web = '127.0.0.1:0') {
    const server = new Server();
    const args = ['serve', '--web', web, '--listen', '127.0.0.1:0', '--console=on', ...options];
    server.process = spawn(binary, args, { stdio: ['pipe', 'ignore', 'pipe'] });
    server.log = new Transcript();
    server.process.stderr.setEncoding('utf8').on('data', (piece) => server.log.add(piece));
    server.process.on('error', (error) => server.log.add(`cannot start ${binary}: ${error.message}`));
    server.scheme = web.startsWith('https://') ? 'https' : 'http';
    [, server.webPort] = await server.log.until(new RegExp(`listening on ${server.scheme}://127\\.0\\.0\\.1:(\\d+)`), 'in the log');
    [, server.port] = await server.log.until(/listening on 127\.0\.0\.1:(\d+)/, 'in the log');
    return server;
  }

  get url() {
    return `${this.scheme}://127.0.0.1:${this.webPort}/`;
  }

  /** Types at the operator's console. */
  type(line) {
    this.process.stdin.write(`${line}\n`);
  }

  async stop(signal = 'SIGTERM') {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const ended = once(this.process, 'exit');
    this.process.kill(signal);
    await deadline(ended, 'the server did not end');
  }
}

/** A person at nc. */
export class Nc {
  static open(server) {
    const nc = new Nc();
    nc.transcript = new Transcript();
    nc.socket = net.connect(Number(server.port), '127.0.0.1');
    nc.socket.setEncoding('utf8').on('data', (piece) => nc.transcript.add(piece)).on('error', () => {});
    return nc;
  }

  static async enter(server, name) {
    const nc = Nc.open(server);
    nc.say(name);
    await nc.until(new RegExp(`You are ${name}`));
    return nc;
  }

  say(...lines) {
    this.socket.write(lines.map((line) => `${line}\n`).join(''));
  }

  until(pattern) {
    return this.transcript.until(pattern, 'at nc');
  }

  leave() {
    this.socket.destroy();
  }
}

/** A proxy before the server's web port: a line that can be cut, or lose what goes in one direction. */
export class Wire {
  static async before(server) {
    const wire = new Wire();
    wire.target = Number(server.webPort);
    wire.pairs = new Set();
    wire.loses = ''; // '' | 'up': from the browser | 'down': to the browser | 'all': no connection passes
    wire.listener = net.createServer((browser) => wire.#join(browser));
    wire.listener.listen(0, '127.0.0.1');
    await once(wire.listener, 'listening');
    return wire;
  }

  get url() {
    return `http://127.0.0.1:${this.listener.address().port}/`;
  }

  #join(browser) {
    if (this.loses === 'all') return browser.destroy();
    const server = net.connect(this.target, '127.0.0.1');
    const pair = [browser, server];
    this.pairs.add(pair);
    browser.on('data', (piece) => this.loses !== 'up' && server.write(piece));
    server.on('data', (piece) => this.loses !== 'down' && browser.write(piece));
    for (const socket of pair) {
      socket.on('error', () => {}).on('close', () => {
        pair.forEach((each) => each.destroy());
        this.pairs.delete(pair);
      });
    }
  }

  /** Cuts every connection; no other gets through before `mend`. */
  cut() {
    this.loses = 'all';
    for (const pair of this.pairs) pair.forEach((socket) => socket.destroy());
  }

  mend() {
    this.loses = '';
  }

  close() {
    this.cut();
    this.listener.close();
  }
}

/** A browser whose pages may send requests to the server only, and must not report any error. */
export class Browser {
  static async start(isFirefox) {
    const browser = new Browser();
    // Without a screen Firefox finds no mouse.
    const mouse = { 'ui.primaryPointerCapabilities': 6, 'ui.allPointerCapabilities': 6 };
    browser.program = isFirefox
      ? await firefox.launch({ channel: 'moz-firefox', executablePath: process.env.FIREFOX ?? '/usr/bin/firefox-esr', firefoxUserPrefs: mouse })
      : await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] });
    browser.complaints = [];
    return browser;
  }

  /** A page with cookies and storage of its own; `expected`: complaints that the test is about. */
  async page(url, { locale = 'en-US', expected = /^$/, ...options } = {}) {
    const context = await this.program.newContext({ viewport: { width: 1280, height: 800 }, locale, ...options });
    context.setDefaultTimeout(DEADLINE);
    const page = await context.newPage();
    const complain = (text) => expected.test(text) || this.complaints.push(text);
    page.on('console', (message) => ['error', 'warning'].includes(message.type()) && complain(`console: ${message.text()}`));
    page.on('pageerror', (error) => complain(`error in the page: ${error.stack}`));
    const { origin } = new URL(url);
    page.on('request', (request) => {
      const to = request.url();
      if (!to.startsWith(`${origin}/`) && !to.startsWith('data:')) complain(`request to ${to}`);
    });
    page.on('websocket', (socket) => {
      if (new URL(socket.url()).host !== new URL(url).host) complain(`WebSocket to ${socket.url()}`);
    });
    await page.goto(url);
    return page;
  }

  async close() {
    await this.program.close();
  }
}
