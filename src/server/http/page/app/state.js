// The state of the page that several files use.

/** `out`: no connection is wanted. `lost`: one is, and is tried again. */
let phase = 'out'; // out | connecting | asked | waiting | here | lost
let socket = null;
/** `room` is the current room of the member at the server: where a line without a room is said. */
let me = { name: '', wanted: recall('localStorage', 'name'), room: roomOfAddress() || 'lobby', run: '', rev: 1, lang: '', role: null, account: '', mayRegister: false, since: 0, echo: true, quiet: recall('sessionStorage', 'quiet') === 'yes', stores: false, maxLine: 4096 };
let beenIn = false; // has been in the room since the page was opened
let serverName = document.title;
let motd = null; // the message of the day that was shown last
let parting = null; // why the server is about to close, where it said so for good
let rooms = []; // as the server listed them last: name, members, topic
let moreRooms = 0; // rooms that the server left out of that list
const ignored = new Map(); // folded name -> name of the members that the user does not read, as far as the server has told
let focused = document.hasFocus();
