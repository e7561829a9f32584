// The page in a real browser, against the real server: CHINWAG=target/debug/chinwag node run.mjs [--screenshots DIR] [NAME]
// With CHINWAG_BROWSER=firefox in Firefox, where a part of the tests is run unless a NAME is given.
// Ends with 1 and one line that says what, where something is not as it should be.
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Browser, Failure, Server, Wire } from './harness.mjs';
import * as talking from './tests/talking.mjs';
import * as losing from './tests/losing.mjs';
import * as writing from './tests/writing.mjs';
import * as text from './tests/text.mjs';
import * as colours from './tests/colours.mjs';
import * as suggest from './tests/suggest.mjs';
import * as safety from './tests/safety.mjs';
import * as access from './tests/access.mjs';
import * as rooms from './tests/rooms.mjs';
import * as deleting from './tests/deleting.mjs';
import * as roles from './tests/roles.mjs';
import * as entering from './tests/entering.mjs';
import * as accounts from './tests/accounts.mjs';
import * as views from './tests/views.mjs';
import * as history from './tests/history.mjs';
import * as tls from './tests/tls.mjs';

const argument = (name) => {
  const at = process.argv.indexOf(name);
  return at < 0 ? undefined : process.argv.splice(at, 2)[1];
};
const screenshots = argument('--screenshots');
const only = process.argv[2] ?? '';
const binary = process.env.CHINWAG;
if (!binary) {
  console.error('CHINWAG has to name the binary that is to be tested');
  process.exit(2);
}
if (screenshots) await mkdir(screenshots, { recursive: true });

const tests = Object.entries({ ...talking, ...losing, ...writing, ...text, ...colours, ...suggest, ...safety, ...access, ...rooms, ...deleting, ...roles, ...entering, ...accounts, ...tls, ...views, ...history }).filter(([name]) => name.includes(only));

/** What is run in Firefox: a test or two of each subject. Some of the others need what only Chromium's protocol has. */
const IN_FIREFOX = [
  'two_pages_and_one_at_nc_talk', 'whispers_go_both_ways_and_to_nobody_else', 'chinese_for_those_who_read_it', 'the_keyboard_is_enough',
  'who_reads_further_up_is_left_there', 'the_newest_line_stays_in_sight_when_the_screen_changes', 'code_fits_every_screen',
  'list_is_narrowed_and_taken_with_the_keyboard', 'markup_in_messages_and_names_stays_text', 'nothing_else_may_run_or_be_fetched',
  'on_a_desktop_in_light', 'messages_of_a_followed_room_are_counted_and_not_shown', 'an_own_message_is_deleted_with_its_button',
  'nothing_is_lost_or_doubled_however_often_the_line_is_cut', 'a_nickname_is_registered_and_its_password_asked_for',
  'page_over_https_goes_on_after_a_restart', 'scrolling_up_loads_what_was_said_before', 'search_finds_marks_and_goes_there',
  'room_is_looked_at_without_entering', 'each_view_has_its_draft_and_its_place', 'conversations_outlive_a_reload',
  'roles_are_marked_and_given_in_the_list', 'one_may_talk_with_the_operator_alone',
];

const isFirefox = process.env.CHINWAG_BROWSER === 'firefox';
const waiting = isFirefox && !only ? IN_FIREFOX.map((name) => [name, Object.fromEntries(tests)[name]]) : [...tests];
let failed = 0;

/** Runs tests in a browser of its own until none waits. */
async function run() {
  const browser = await Browser.start(isFirefox);
  const servers = [];
  const wires = [];
  const folders = [];

  /** What a test is given: servers that are ended behind it, the browser, and a place for pictures. */
  const world = {
    browser,
    page: (...args) => browser.page(...args),
    async server(options, web) {
      const server = await Server.start(binary, options, web);
      servers.push(server);
      return server;
    },
    async wire(server) {
      const wire = await Wire.before(server);
      wires.push(wire);
      return wire;
    },
    /** A folder for the files of a test. */
    async folder() {
      const folder = await mkdtemp(join(tmpdir(), 'chinwag-browser-'));
      folders.push(folder);
      return folder;
    },
    async picture(page, name) {
      if (screenshots) await page.screenshot({ path: `${screenshots}/${name}.png`, animations: 'disabled' });
    },
  };

  async function tidy() {
    for (const context of browser.program.contexts()) await context.close();
    for (const wire of wires.splice(0)) wire.close();
    for (const server of servers.splice(0)) await server.stop('SIGKILL');
    for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
  }

  for (let next = waiting.shift(); next; next = waiting.shift()) {
    const [name, test] = next;
    const began = performance.now();
    try {
      await test(world);
      await tidy();
      if (browser.complaints.length) throw new Failure(browser.complaints.join('; '));
      console.log(`ok    ${name} (${Math.round(performance.now() - began)} ms)`);
    } catch (error) {
      failed += 1;
      console.error(`FAILED ${name}: ${error instanceof Failure ? error.message : error.stack.replace(/\s+/g, ' ')}`);
      await tidy();
    }
    browser.complaints.length = 0;
  }
  await browser.close();
}

// Much of a test is waiting for the page.
await Promise.all([run(), run(), run()]);
if (tests.length === 0) console.error(`FAILED there is no test ${only}`);
process.exitCode = failed > 0 || tests.length === 0 ? 1 : 0;
