// What is done for the frames that answer commands, and for whispers.

let lastWhisperer = ''; // who is meant by `/r`

const ANSWERS = {
  motd(f) {
    const asked = answered(['motd']);
    // After a restart of the server the user has read the same text already.
    if (asked) notice(f.text ?? T.noMotd);
    else if (f.text !== motd) tellHome(f.text);
    motd = f.text;
  },
  account(f) {
    const asked = answered([ACCOUNT_KINDS[f.what]]);
    if (me.account) passwords.delete(fold(me.account));
    me.account = f.what === 'unregistered' ? '' : f.name ?? me.account;
    me.mayRegister = !me.account;
    if (asked && me.account) passwords.set(fold(me.account), lastWord(asked.line));
    rememberName();
    endAccountForm(Boolean(asked));
    notice(T.account[f.what]?.(f.name) ?? f.text);
  },
  search(f) { beginSearch(f, answered(['search'])); },
  found: (f) => addFound(f),
  search_ends: (f) => endSearch(f),
  whisper(f) {
    const view = talk(f.from);
    lastWhisperer = f.from;
    const item = { kind: 'whisper', at: f.at, name: f.from, text: f.text, mention: false };
    addLine(view, item);
    if (view !== shown) announce(T.whisperFrom(f.from));
    countNew(view, item);
    notifyOf(view, item);
    saveSoon();
  },
  whispered(f) {
    answered(['whisper'], f.text);
    const view = talk(f.to);
    addLine(view, { kind: 'whispered', at: f.at, name: f.to, text: f.text, own: true });
    saveSoon();
  },
  people(f) {
    const asked = answered(['who']);
    const view = roomOf(f);
    if (view) setPeople(view, f);
    if (asked?.silent) return;
    const names = [...f.names];
    const more = f.here - names.length - (f.you ? 1 : 0);
    if (more > 0) names.push(T.others(more));
    if (f.you) names.push(T.youWord);
    notice(T.who(f.here, f.room, names.length ? listOf(names) : ''));
  },
  rooms(f) {
    [rooms, moreRooms] = [f.rooms, f.more];
    for (const [name, here, topic] of f.rooms) {
      const view = findRoom(name);
      if (view && !view.isMember) Object.assign(view, { here, topic: topic ?? '' });
    }
    roomsChanged = true;
    wantFlush();
    const asked = answered(['rooms']);
    if (wantedView && rooms.some(([name]) => sameRoom(name, wantedView))) goTo(wantedView);
    wantedView = '';
    if (asked?.silent) return dropRefused();
    notice(T.roomsAre(listOf(f.rooms.map(([room, n]) => T.roomCount(room, n))), f.more));
  },
  pong(f) {
    if (!answered(['ping'])?.silent) notice(T.pong(f.text));
  },
  echo(f) {
    answered(['echo']);
    me.echo = f.on;
    notice(T.echo(f.on));
  },
  quiet(f) {
    answered(['quiet']);
    me.quiet = f.on;
    remember('sessionStorage', 'quiet', f.on ? 'yes' : '');
    notice(T.quiet(f.on));
  },
  whois(f) {
    const asked = answered(['whois']);
    if (asked?.silent) return fillCard(f);
    notice(T.whois(f.name, fullFormat.format(f.since * 1000), f.rooms?.length ? listOf(f.rooms) : '', T.roles[f.role], f.away, f.account));
  },
  ignoring(f) {
    const asked = answered(['ignore']);
    ignored.set(fold(f.name), f.name);
    if (!asked?.silent) notice(T.ignoring(f.name));
  },
  not_ignoring(f) {
    answered(['unignore']);
    ignored.delete(fold(f.name));
    notice(T.notIgnoring(f.name));
  },
  ignored(f) {
    const asked = answered(['ignore']);
    ignored.clear();
    for (const name of f.names) ignored.set(fold(name), name);
    if (!asked?.silent) notice(T.ignored(f.names.length ? listOf(f.names) : ''));
  },
  help() { answered(['help']); show({ kind: 'help' }); },
  node(f) { notice(f.text); },
  note(f) { notice(f.text); },
};
