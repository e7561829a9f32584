// The state of the page that several files use.

const MAX_LINES = 2000; // in the document; twice as many while the user reads further up
const MAX_VIEWS = 8; // rooms whose lines are kept

/** `out`: no connection is wanted. `lost`: one is, and is tried again. */
let phase = 'out'; // out | connecting | asked | waiting | here | lost
let socket = null;
let me = { name: '', wanted: recall('localStorage', 'name'), room: roomOfAddress() || 'lobby', run: '', rev: 1, lang: '', role: null, account: '', mayRegister: false, since: 0, echo: true, quiet: recall('sessionStorage', 'quiet') === 'yes', maxLine: 4096 };
let beenIn = false; // has been in the room since the page was opened
let serverName = document.title;
let motd = null; // the message of the day that was shown last
let parting = null; // why the server is about to close, where it said so for good
let replay = null; // null | 'entry' | 'again': which history is being shown
let people = new Map(); // folded name -> name
let here = 0;
let rooms = [];
const unread = new Set(); // messages that came while the window had no focus, by id if they have one
let focused = document.hasFocus();
