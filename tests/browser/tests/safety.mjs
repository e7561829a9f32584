// What people say is text, whatever it looks like, and nothing runs but the page's own script.
import { Nc, check, same } from '../harness.mjs';
import { enter, say, sees, show } from '../people.mjs';

export async function markup_in_messages_and_names_stays_text({ server, page }) {
  const house = await server();
  const carol = await Nc.enter(house, 'carol');
  const alice = await page(house.url);
  await enter(alice, 'alice');
  const hostile = ['<img src=x onerror="window.hacked=1">', '</script><script>window.hacked=1</script>', '<b>bold</b> &amp; &#x41;', 'javascript:alert(1) data:text/html,x', '{"t":"kicked","why":null}'];
  carol.say(...hostile, `/me ${hostile[0]}`, `@alice ${hostile[1]}`);
  await sees(alice, hostile[0], 'action');
  same(await alice.$$eval('#log .said .text', (nodes) => nodes.map((node) => node.textContent)), hostile, 'what alice reads');
  await show(alice, '@carol');
  await sees(alice, hostile[1], 'whisper');
  same(await alice.$$eval('#log img, #log script, #log b, #log .text a', (nodes) => nodes.length), 0, 'elements made of what was said');
  check(await alice.evaluate(() => window.hacked === undefined), 'a script in a message ran');
  await say(alice, `/nick ${hostile[2]}`);
  await sees(alice, 'A nickname is 1 to 24', 'refused');
}

export async function links_can_be_followed_and_tell_nothing({ server, page }) {
  const house = await server();
  const carol = await Nc.enter(house, 'carol');
  const alice = await page(house.url);
  await enter(alice, 'alice');
  carol.say('see (https://example.org/a_(b)?q=1#x), http://例え.jp/路。 and https://example.org/end. https:// alice, xhttps://no.example');
  await sees(alice, 'example.org', 'said');
  const links = await alice.$$eval('#log a', (nodes) => nodes.map((node) => [node.textContent, node.target, node.rel]));
  const [target, rel] = ['_blank', 'noopener noreferrer nofollow'];
  same(links, [['https://example.org/a_(b)?q=1#x', target, rel], ['http://例え.jp/路', target, rel], ['https://example.org/end', target, rel]], 'the links');
  same(await alice.$$eval('#log mark', (marks) => marks.map((mark) => mark.textContent)), ['alice'], 'what is marked as a mention');
}

export async function nothing_else_may_run_or_be_fetched({ server, page }) {
  const house = await server();
  const alice = await page(house.url, { expected: /Content Security Policy|Trusted|violates|Refused to/i });
  const policy = (await alice.request.get(house.url)).headers()['content-security-policy'] ?? '';
  check(policy.includes("default-src 'none'"), `the policy is ${policy}`);
  check(!/unsafe|\*|https?:/.test(policy), `the policy is ${policy}`);
  await enter(alice, 'alice');
  const ran = await alice.evaluate(async () => {
    const tried = (make) => { try { make(); } catch { /* forbidden, too */ } };
    const insert = (tag, text) => tried(() => { const node = document.createElement(tag); node.append(text); document.head.append(node); });
    insert('script', 'window.injected = 1');
    insert('style', 'body { --injected: 1 }');
    tried(() => document.body.setAttribute('onclick', 'window.handled = 1'));
    document.body.click();
    tried(() => document.body.setAttribute('style', '--attribute: 1'));
    const fetched = await fetch('https://example.org/').then(() => true, () => false);
    const style = getComputedStyle(document.body);
    return [window.injected, window.handled, style.getPropertyValue('--injected'), style.getPropertyValue('--attribute'), fetched];
  });
  same(ran, [null, null, '', '', false], 'what ran or was fetched in spite of the policy');
}
