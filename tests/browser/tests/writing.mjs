// The field in which one writes, and the log above it.
import { Nc, check, same } from '../harness.mjs';
import { enter, messages, say, sees, show, until } from '../people.mjs';

const paste = (page, text) => page.evaluate((pasted) => {
  const field = document.querySelector('#text');
  field.focus();
  const data = new DataTransfer();
  data.setData('text/plain', pasted);
  const event = new ClipboardEvent('paste', { clipboardData: data, cancelable: true, bubbles: true });
  // What the browser does by itself after a paste, if the page does not prevent it.
  if (field.dispatchEvent(event)) document.execCommand('insertText', false, pasted);
}, text);

const focused = (page) => page.evaluate(() => document.activeElement.id);

export async function pasted_lines_are_text_and_many_are_asked_about({ server, page, picture }) {
  const house = await server(['--rate', '0']);
  const carol = await Nc.enter(house, 'carol');
  const alice = await page(house.url);
  await enter(alice, 'alice');
  await paste(alice, 'plain\n/quit now\n@carol not a whisper\nq\n\n');
  check((await alice.textContent('#hint')).includes('4 lines'), 'the page does not say how many lines there are');
  await alice.press('#text', 'Enter');
  await carol.until(/alice: plain\r\n.*alice: \/quit now\r\n.*alice: @carol not a whisper\r\n.*alice: q\r\n/);
  await paste(alice, Array.from({ length: 7 }, (_, index) => `line ${index + 1}`).join('\r\n'));
  await alice.press('#text', 'Enter');
  await alice.waitForSelector('#many[open]');
  await picture(alice, 'many');
  await alice.keyboard.press('Escape');
  check((await alice.inputValue('#text')).startsWith('line 1\n'), 'what was not sent is gone');
  same(await focused(alice), 'text', 'the focus after the question');
  await alice.press('#text', 'Enter');
  await alice.click('#many [value=yes]');
  await carol.until(/alice: line 7/);
  // To whom the first line goes, all of them go.
  await alice.fill('#text', '@carol ');
  await paste(alice, 'secret one\nsecret two');
  await alice.press('#text', 'Enter');
  await carol.until(/alice -> you: secret one\r\n.*alice -> you: secret two/);
  await sees(alice, 'secret two', 'whisper');
  await show(alice, 'lobby');
  check(!(await messages(alice)).some((text) => text.includes('secret')), 'a whisper was said aloud');
  await paste(alice, 'one line with its end\n');
  same(await alice.inputValue('#text'), 'one line with its end', 'one pasted line');
}

export async function lines_behind_a_whisper_are_whispered_too({ server, page }) {
  const house = await server();
  const bob = await Nc.enter(house, 'bob');
  const alice = await page(house.url);
  await enter(alice, 'alice');
  await alice.focus('#text');
  const type = async (...lines) => {
    for (const [index, text] of lines.entries()) {
      if (index > 0) await alice.keyboard.press('Shift+Enter');
      await alice.keyboard.insertText(text);
    }
    await alice.keyboard.press('Enter');
  };
  await type('@bob secret one', 'secret two', '/quit');
  await bob.until(/you: secret one\r\n.*you: secret two\r\n.*you: \/quit\r\n/);
  check(!/alice: /.test(bob.transcript.text), 'a whisper is said aloud');
  // In a conversation, texts are whispers, and what is about a room is refused.
  await type('#include', '##twice', '@carol');
  await bob.until(/you: #include\r\n.*you: ##twice\r\n.*you: @carol\r\n/);
  await alice.keyboard.insertText('/delete last');
  same(await alice.textContent('#hint'), 'This is about a room: go there first, or name it as #room', 'a command about a room');
  await alice.keyboard.press('Enter');
  same(await alice.inputValue('#text'), '/delete last', 'the refused command');
  await alice.fill('#text', '');
  await alice.keyboard.press('ArrowUp');
  same(await alice.inputValue('#text'), '@@carol', 'what was sent last here');
  await alice.fill('#text', '/leave');
  await alice.keyboard.press('Enter');
  await until(alice, () => document.querySelector('#roomName').textContent === 'lobby', null, '/leave does not close the conversation');
  await alice.keyboard.press('ArrowUp');
  check(!(await alice.inputValue('#text')).startsWith('#include'), 'the arrow up offers the text of a whisper in a room');
}

export async function question_that_is_asked_again_at_once_is_answered({ server, page }) {
  const house = await server(['--rate', '0']);
  const carol = await Nc.enter(house, 'carol');
  const alice = await page(house.url);
  await enter(alice, 'alice');
  await paste(alice, Array.from({ length: 7 }, (_, index) => `line ${index + 1}`).join('\n'));
  await alice.press('#text', 'Enter');
  await alice.waitForSelector('#many[open]');
  // Closed and asked again before the browser has told the page that it was closed.
  await alice.evaluate(() => {
    document.querySelector('#many').close();
    document.querySelector('#text').dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true }));
  });
  await alice.waitForSelector('#many[open]');
  await alice.click('#many [value=yes]');
  await carol.until(/alice: line 7/);
}

export async function the_keyboard_is_enough({ server, page }) {
  const house = await server();
  const carol = await Nc.enter(house, 'carol');
  const dora = await Nc.enter(house, 'carla');
  const alice = await page(house.url);
  same(await focused(alice), 'nickname', 'the focus at the beginning');
  await alice.keyboard.type('alice');
  await alice.keyboard.press('Enter');
  await alice.waitForSelector('#room:not([hidden])');
  same(await focused(alice), 'text', 'the focus in the room');
  await alice.keyboard.type('first');
  await alice.keyboard.press('Enter');
  await alice.keyboard.type('second');
  await alice.keyboard.press('Enter');
  await sees(alice, 'second', 'own');
  await alice.keyboard.press('ArrowUp');
  await alice.keyboard.press('ArrowUp');
  same(await alice.inputValue('#text'), 'first', 'two arrows up');
  await alice.keyboard.press('ArrowDown');
  await alice.keyboard.press('ArrowDown');
  same(await alice.inputValue('#text'), '', 'two arrows down');
  await alice.keyboard.type('@car');
  await alice.keyboard.press('Tab');
  same(await alice.inputValue('#text'), '@carla ', 'what Tab completes');
  await alice.keyboard.press('Tab');
  same(await alice.inputValue('#text'), '@carol ', 'what a second Tab completes');
  await alice.keyboard.type('psst');
  await alice.keyboard.press('Enter');
  await carol.until(/alice -> you: psst/);
  await sees(alice, 'psst', 'whisper');
  await alice.focus('#roomList [data-key=lobby]');
  await alice.keyboard.press('Enter');
  await alice.focus('#text');
  await alice.keyboard.type('/jo');
  await alice.keyboard.press('Tab');
  same(await alice.inputValue('#text'), '/join ', 'what Tab completes of a command');
  await alice.fill('#text', 'nothing to complete');
  await alice.keyboard.press('Tab');
  same(await focused(alice), 'send', 'the focus after Tab where there is nothing to complete');
  await alice.fill('#text', '@nosuchname');
  await alice.keyboard.press('Tab');
  same(await focused(alice), 'send', 'the focus after Tab where nobody has that name');
  await alice.fill('#text', '');
  await alice.keyboard.press('Shift+Tab');
  same(await focused(alice), 'log', 'the focus before the field');
  await alice.keyboard.type('x');
  same(await focused(alice), 'text', 'the focus when one types');
  await alice.keyboard.press('Shift+Enter');
  await alice.keyboard.type('/quit is text here');
  same(await alice.inputValue('#text'), 'x\n/quit is text here', 'what Shift-Enter does');
  same(await alice.textContent('#hint'), '2 lines, a message each', 'what is said of it');
  await alice.keyboard.press('Enter');
  await carol.until(/alice: x\r\n.*alice: \/quit is text here\r\n/);
  // Everything that can be clicked is reached, and the end is left again.
  await alice.focus('#text');
  const reached = [];
  for (let step = 0; step < 30; step += 1) {
    await alice.keyboard.press('Tab');
    reached.push(await alice.evaluate(() => document.activeElement.id || document.activeElement.dataset.key || document.activeElement.tagName));
  }
  for (const wanted of ['send', 'refresh', 'lobby', 'joinRoom', 'carol', 'carla', 'help', 'quit', 'toggle', 'openSearch', 'toggleMembers', 'level', 'sound']) check(reached.includes(wanted), `${wanted} is not reached by Tab, but ${reached}`);
  dora.leave();
}

export async function composing_ends_no_line({ server, page }) {
  const house = await server();
  const alice = await page(house.url, { locale: 'zh-CN' });
  await enter(alice, '张三');
  const session = await alice.context().newCDPSession(alice);
  await alice.focus('#text');
  await session.send('Input.imeSetComposition', { text: 'ni', selectionStart: 2, selectionEnd: 2 });
  await session.send('Input.dispatchKeyEvent', { type: 'rawKeyDown', key: 'Enter', code: 'Enter', windowsVirtualKeyCode: 229 });
  same(await messages(alice), [], 'what was said by ending a composition');
  await session.send('Input.insertText', { text: '你好' });
  await alice.keyboard.press('Enter');
  await sees(alice, '你好', 'own');
  same(await messages(alice), ['你好'], 'what was said');
}

export async function too_long_a_line_is_told_before_it_is_sent({ server, page }) {
  const house = await server(['--max-line', '300']);
  const alice = await page(house.url);
  await enter(alice, 'alice');
  await alice.fill('#text', '字'.repeat(101));
  same(await alice.textContent('#hint'), '3 bytes too long', 'the hint');
  await alice.press('#text', 'Enter');
  check((await alice.inputValue('#text')).length === 101, 'a line that is too long was sent');
  await alice.fill('#text', '字'.repeat(100));
  await alice.press('#text', 'Enter');
  await sees(alice, '字'.repeat(100), 'own');
}

export async function who_reads_further_up_is_left_there({ server, page, picture }) {
  const house = await server(['--rate', '0', '--backlog-bytes', '16000000']);
  const carol = await Nc.enter(house, 'carol');
  const alice = await page(house.url);
  await enter(alice, 'alice');
  carol.say(...Array.from({ length: 200 }, (_, index) => `line ${index + 1}`));
  await sees(alice, 'line 200', 'said');
  const atEnd = () => { const log = document.querySelector('#log'); return log.scrollHeight - log.scrollTop - log.clientHeight < 48; };
  await until(alice, atEnd, null, 'the newest line is not in sight');
  for (let page = 0; page < 3; page += 1) await alice.press('#text', 'PageUp');
  await alice.waitForSelector('#newest:not([hidden])');
  const before = await alice.$eval('#log', (log) => log.scrollTop);
  carol.say('while reading');
  await until(alice, () => document.querySelector('#newest').textContent === '1 new message ↓', null, 'the button does not count');
  same(await alice.$eval('#log', (log) => log.scrollTop), before, 'where one reads');
  await picture(alice, 'further-up');
  await alice.click('#newest');
  await until(alice, atEnd, null, 'the button does not go to the newest');
  await until(alice, () => document.querySelector('#newest').hidden, null, 'the button stays');
}

export async function the_newest_line_stays_in_sight_when_the_screen_changes({ server, page }) {
  const house = await server(['--rate', '0']);
  const carol = await Nc.enter(house, 'carol');
  carol.say(...Array.from({ length: 60 }, (_, index) => `line ${index + 1}, which is broken on a phone and is not when that is turned`));
  const alice = await page(house.url, { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true });
  await enter(alice, 'alice');
  await sees(alice, 'line 60', 'said');
  // Turned, with the keyboard up, and back.
  for (const [width, height] of [[844, 390], [390, 844], [390, 400], [390, 844]]) {
    await alice.setViewportSize({ width, height });
    const inSight = (wanted) => { const log = document.querySelector('#log'); return innerWidth === wanted && log.scrollHeight - log.scrollTop - log.clientHeight < 2 && document.querySelector('#newest').hidden; };
    await until(alice, inSight, width, `the newest line is not in sight on ${width} by ${height}`);
    // The page is told of a size when it is drawn, which takes less time than turning a phone.
    await alice.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
  }
}

export async function a_flood_does_not_fill_the_document({ server, page }) {
  const house = await server(['--rate', '0', '--backlog-bytes', '64000000']);
  const carol = await Nc.enter(house, 'carol');
  const alice = await page(house.url);
  await enter(alice, 'alice');
  const lines = 6_000;
  for (let said = 0; said < lines; said += 1000) carol.say(...Array.from({ length: 1000 }, (_, index) => `f ${said + index + 1}`));
  await sees(alice, `f ${lines}`, 'said');
  const kept = (await messages(alice)).map((text) => Number(text.slice(2)));
  check(kept.length <= 300, `${kept.length} lines are in the document`);
  same(kept, kept.map((_, index) => lines - kept.length + 1 + index), 'the last lines');
  await say(alice, 'still here');
  await carol.until(/still here/);
}
