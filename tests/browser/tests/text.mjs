// The marks in the text of messages: code, emphasis, links.
import { Nc, check, same } from '../harness.mjs';
import { DESKTOP, enter, PHONE, say, sees, sound } from '../people.mjs';

/** The pieces of a text as one string: `code`, *emphasis*, <link>, or <link address>. */
const marked = (page, texts) => page.evaluate((all) => {
  const told = {
    text: ({ text }) => text,
    code: ({ text }) => `{code ${text}}`,
    emphasis: ({ text }) => `{em ${piecesOf(text).map((piece) => told[piece.kind](piece)).join('')}}`,
    link: ({ text, href }) => `{a ${text}${href === text ? '' : ` ${href}`}}`,
  };
  return all.map((text) => piecesOf(text).map((piece) => told[piece.kind](piece)).join(''));
}, texts);

/** Each text becomes what stands behind it; alone it stays as it is. */
async function become(page, cases, what) {
  const found = await marked(page, cases.map(([text]) => text));
  same(found, cases.map(([text, wanted = text]) => wanted), what);
}

export async function code_in_a_text_is_code({ server, page }) {
  const alice = await page((await server()).url);
  await become(alice, [
    ['run `ls -l` now', 'run {code ls -l} now'],
    ['使用`ls`命令', '使用{code ls}命令'],
    ['`a` and `b`s', '{code a} and {code b}s'],
    ['`*not* https://example.org alice@example.org www.example.org`', '{code *not* https://example.org alice@example.org www.example.org}'],
    ['https://example.org/`x`', '{a https://example.org/}{code x}'],
    ["`quoted' and `quoted'"],
    ['one ` alone, two `` together, ``` three'],
    ['a ` b ` c'],
    ['``double`` and ```triple```'],
    ['', ''],
  ], 'code');
}

export async function emphasis_is_around_whole_words({ server, page }) {
  const alice = await page((await server()).url);
  await become(alice, [
    ['this is *very* good', 'this is {em very} good'],
    ['*all of it*', '{em all of it}'],
    ['(*so*), "*so*", *so*.', '({em so}), "{em so}", {em so}.'],
    ['*really?* and *“quoted”*', '{em really?} and {em “quoted”}'],
    ['这很*重要*。', '这很{em 重要}。'],
    ['*重要*的是', '{em 重要}的是'],
    ['他说，*真的*！', '他说，{em 真的}！'],
    ['*see https://example.org now*', '{em see {a https://example.org} now}'],
    ['2 * 3 * 4'], ['a*b*c'], ['**'], ['**bold**'], ['*.rs *.js'], ['*test*.js'], ['长*宽*高'], ['2*3*4=24'], ['f(*args, *more)'], ['* one * two'], ['*p++ = *q++'], ['/etc/*/a /etc/*/b'], ['*one'], ['*'], ['* *'],
  ], 'emphasis');
}

export async function links_are_made_where_they_are_sure({ server, page }) {
  const alice = await page((await server()).url);
  await become(alice, [
    ['see www.example.org.', 'see {a www.example.org https://www.example.org}.'],
    ['(www.example.org/a_(b)?q=1#x)', '({a www.example.org/a_(b)?q=1#x https://www.example.org/a_(b)?q=1#x})'],
    ['访问www.example.com查看', '访问{a www.example.com https://www.example.com}查看'],
    ['WWW.Example.ORG:8080/x, then', '{a WWW.Example.ORG:8080/x https://WWW.Example.ORG:8080/x}, then'],
    ['https://example.com查看详情', '{a https://example.com}查看详情'],
    ['http://localhost:8080然后', '{a http://localhost:8080}然后'],
    ['http://例え.jp/路。', '{a http://例え.jp/路}。'],
    ['write to bob@example.org.', 'write to {a bob@example.org mailto:bob@example.org}.'],
    ['发给zhang@163.com谢谢', '发给{a zhang@163.com mailto:zhang@163.com}谢谢'],
    ['<a.b+c@mail.example.org>, ok', '<{a a.b+c@mail.example.org mailto:a.b+c@mail.example.org}>, ok'],
    ['*mail bob@example.org*', '{em mail {a bob@example.org mailto:bob@example.org}}'],
    ['www.example'], ['www.'], ['www'], ['awww.example.org'], ['www.example.org2'], ['www..org'], ['//www.example.org'],
    ['@alice hello'], ['a@b'], ['alice@localhost'], ['git@example.org:team/thing.git'], ['pkg@1.2.3'], ['icon@2x.png'], ['josé@example.org'], ['a@b@example.org'], ['https://'], ['javascript:alert(1)'],
  ], 'links');
}

export async function hostile_texts_take_no_time({ server, page }) {
  const alice = await page((await server()).url);
  const counts = await alice.evaluate(() => {
    const parts = ['`', '*', '`a', '*a', ' *a', 'a*', '*a* ', ' `', '[', '(', ')', 'a', 'a.', 'a@', 'a@b.', ' a@b.c', 'www.', 'www.a.', 'www.a.b/(', 'https://', 'https://a.', 'https://a)', '*"', '字*', '`a ', '@', 'a-', '*(', 'é', 'https://a.b字.'];
    // A text that takes quadratic time takes longer than the deadline of a page.
    const texts = parts.flatMap((part) => [1, 64].map((times) => part.repeat(Math.ceil(16_384 * times / part.length))));
    return texts.map((text) => piecesOf(text).map((piece) => piece.text.length).reduce((sum, length) => sum + length, 0) <= text.length);
  });
  check(counts.every(Boolean), 'a text became longer');
}

export async function blocks_of_code_span_messages({ server, page }) {
  const alice = await page((await server()).url);
  const blocks = await alice.evaluate((all) => all.map((texts) => {
    let isOpen = false;
    const shown = texts.map((text) => {
      const read = codeLine(text, isOpen);
      ({ isOpen } = read);
      return read.lines;
    });
    return [shown, isOpen];
  }), [
    ['```rust', 'let x = 1;', '    x + 1', '```', 'after'],
    ['```', 'a', '```'],
    ['```let x = 1;', 'x```'],
    ['```let x = 1;```'],
    ['``` let `x` ``` '],
    ['```c++', '```js', 'x ```'],
    ['```a``` and ```b```', '```a``` is nice', '````', '``````', '`a`', 'a ```', ' ```'],
  ]);
  same(blocks, [
    [[[], ['let x = 1;'], ['    x + 1'], [], null], false],
    [[[], ['a'], []], false],
    [[['let x = 1;'], ['x']], false],
    [[['let x = 1;']], false],
    [[[' let `x` ']], false],
    [[[], ['```js'], ['x ']], false],
    [[null, null, null, null, null, null, null], false],
  ], 'the lines of code, and whether a block is open');
  same(await alice.evaluate(() => codeNode(['<b>', '  x']).outerHTML.replace(/ (dir|tabindex|role|aria-label)="[^"]*"/g, '')), '<pre class="text code"><code>&lt;b&gt;\n  x</code></pre>', 'a block of code');
}

export async function marked_messages_stay_as_they_were_typed({ server, page }) {
  const house = await server();
  const carol = await Nc.enter(house, 'carol');
  const alice = await page(house.url);
  await enter(alice, 'alice');
  const line = 'run `rm *.o` *now*, see www.example.org or ask bob@example.org';
  await say(alice, line, '/me is *so* happy');
  await carol.until(/alice: run `rm \*\.o` \*now\*, see www\.example\.org or ask bob@example\.org\r\n/);
  await carol.until(/alice is \*so\* happy/);
  await sees(alice, 'happy', 'own');
  same(await alice.$$eval('#log .own :is(code, em, a)', (nodes) => nodes.map((node) => `${node.localName} ${node.textContent}`)), ['code rm *.o', 'em now', 'a www.example.org', 'a bob@example.org', 'em so'], 'the marks in the lines of alice');
  carol.say('`alice` and alice@example.org', 'see https://example.org/alice', '*alice* is asked');
  await sees(alice, 'alice is asked', 'mention');
  same(await alice.$$eval('#log .mention', (lines) => lines.length), 1, 'messages that mention alice');
  same(await alice.$$eval('#log mark', (nodes) => nodes.map((node) => `${node.parentNode.localName} ${node.textContent}`)), ['em alice'], 'mentions');
  carol.say('שלום `a + b` עולם');
  await sees(alice, 'עולם', 'said');
  same(await alice.$eval('#log .said:last-child code', (node) => getComputedStyle(node).unicodeBidi), 'isolate', 'code between words from right to left');
}

export async function code_fits_every_screen({ server, page, picture }) {
  const house = await server();
  const carol = await Nc.enter(house, 'carol');
  for (const [name, options] of [['desktop', { ...DESKTOP, colorScheme: 'light' }], ['phone', { ...PHONE, colorScheme: 'dark', locale: 'zh-CN' }]]) {
    const alice = await page(house.url, options);
    await enter(alice, `alice-${name}`);
    await say(alice, 'run `cargo test --all-targets` *now*: www.example.org');
    await sees(alice, 'cargo test', 'own');
    const long = 'let long = "a line that is longer than the screen is wide, however wide it may be, as lines of code often are: nobody breaks them";'.repeat(2);
    carol.say('```rust', long, '    short;', '```', `behind it, ${name}`);
    await sees(alice, `behind it, ${name}`, 'said');
    same(await alice.$$eval('#log pre', (nodes) => nodes.at(-1).textContent), `${long}\n    short;`, 'the block of code');
    await sound(alice, `code, ${name}`);
    await picture(alice, `${name}-code`);
    const isWider = await alice.$eval('pre:last-of-type', (node) => node.scrollWidth > node.clientWidth && node.tabIndex === 0);
    check(isWider, `a long line of code does not scroll in its block, ${name}`);
  }
}
