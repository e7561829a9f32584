// The page over HTTPS and wss, with a certificate that the server has made itself.
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { check, Nc, same } from '../harness.mjs';
import { again, connected, disconnected, enter, expected, messages, say, sees } from '../people.mjs';

/** A server for HTTPS alone, and a page that trusts its certificate. */
async function secure({ server, page, folder }, port = 0, dir) {
  const own = dir ?? `${await folder()}/tls`;
  const house = await server(['--tls-self-signed', own], `https://127.0.0.1:${port}`);
  return { house, own, page: (options) => page(house.url, { ignoreHTTPSErrors: true, ...options }) };
}

export async function page_over_https_talks_with_a_plain_client(world) {
  const { house, own, page } = await secure(world);
  const carol = await Nc.enter(house, 'carol');
  const alice = await page();
  const asked = [];
  alice.on('websocket', (socket) => asked.push(socket.url()));
  await enter(alice, 'alice');
  await carol.until(/alice joined/);
  await say(alice, 'over TLS');
  await carol.until(/alice: over TLS/);
  carol.say('hello, 世界');
  await sees(alice, 'hello, 世界', 'said');
  same(await messages(alice), ['over TLS', 'hello, 世界'], 'what alice reads');
  check(asked.length > 0 && asked.every((url) => url.startsWith(`wss://127.0.0.1:${house.webPort}/ws`)), `the page asks for ${asked}`);
  check(await alice.evaluate(() => window.isSecureContext), 'the page is in no secure context');
  // The certificate is the one that the server keeps.
  const { validTo, protocol } = await (await alice.reload()).securityDetails();
  same(protocol, 'TLS 1.3', 'the version of TLS');
  same(new Date(validTo * 1000).toUTCString(), new Date(new X509Certificate(await readFile(`${own}/cert.pem`)).validTo).toUTCString(), 'the end of the certificate');
}

export async function page_over_https_goes_on_after_a_restart(world) {
  const { house, own, page } = await secure(world);
  const alice = await page({ expected });
  await enter(alice, 'alice');
  await say(alice, 'before');
  await sees(alice, 'before', 'own');
  await alice.fill('#text', 'being written');
  await house.stop();
  await disconnected(alice);
  const { house: next } = await secure(world, house.webPort, own);
  const carol = await Nc.enter(next, 'carol');
  await again(alice);
  await connected(alice);
  carol.say('after');
  await sees(alice, 'after', 'said');
  same(await messages(alice), ['before', 'after'], 'what alice reads');
  same(await alice.inputValue('#text'), 'being written', 'what was typed');
  await say(alice, 'and on');
  await carol.until(/alice: and on/);
}

export async function browser_warns_of_a_certificate_that_it_does_not_know({ browser, server, folder }) {
  const house = await server(['--tls-self-signed', `${await folder()}/tls`], 'https://127.0.0.1:0');
  const context = await browser.program.newContext();
  const page = await context.newPage();
  const error = await page.goto(house.url).then(() => 'no error', (refused) => refused.message);
  check(error.includes('ERR_CERT_AUTHORITY_INVALID'), `the browser says: ${error}`);
}

export async function plain_page_leads_to_https({ server, page, folder }) {
  const house = await server(['--tls-self-signed', `${await folder()}/tls`, '--web', '127.0.0.1:0', '--https-redirect'], 'https://127.0.0.1:0');
  const [, plain] = await house.log.until(/listening on http:\/\/127\.0\.0\.1:(\d+)/, 'in the log');
  const alice = await page(house.url, { ignoreHTTPSErrors: true });
  const answer = await alice.request.get(`http://127.0.0.1:${plain}/`, { maxRedirects: 0 });
  same([answer.status(), answer.headers().location], [308, house.url], 'the redirect');
}
