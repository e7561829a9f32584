// Where a typed line goes: the line for the server, depending on the view in which it was typed.

/** Commands about a room, which take its name as their first word. */
const ABOUT_ROOM = new Set(['topic', 'room', 'invite', 'op', 'deop', 'voice', 'devoice', 'kick', 'mute', 'unmute', 'mutes', 'ban', 'unban', 'bans', 'delete', 'history', 'search', 'read']);
/** What a moderator does with them is about the whole server, unless a room is named. */
const ABOUT_SERVER = new Set(['kick', 'mute', 'unmute', 'mutes', 'ban', 'unban', 'bans']);

const commandOf = (line) => line.match(/^\/([a-z]+)(?: |$)/i)?.[1].toLowerCase();

/** Why a line has no meaning in a conversation; `''` if it has. */
function misplaced(line, view = shown) {
  if (view.isRoom) return '';
  const command = commandOf(line);
  if (command === 'me') return T.noAction;
  return ABOUT_ROOM.has(command) && !(me.role && ABOUT_SERVER.has(command)) && !/^\S+ +#/.test(line) ? T.aboutRoom : '';
}

/**
 * The line for the server. In a conversation texts are whispered. In a room other than the current one, or if `isNamed`, texts
 * and commands about a room get its name.
 */
function route(line, view = shown, isNamed = false) {
  if (!line.trim() || understand(line).kind === 'quit') return line;
  if (!view.isRoom) return routeWhisper(line, view.name);
  if (!canFollow() || (isHome(view) && !isNamed)) return line;
  const prefix = `#${view.name} `;
  if (/^(@@|\/\/)/.test(line)) return prefix + line.slice(1);
  if (line.startsWith('##')) return prefix + line.slice(1);
  if (line.startsWith('#')) return isMember(line.match(/^#(\S*)/)[1]) ? line : prefix + line;
  if (line.startsWith('@')) return line;
  if (!line.startsWith('/')) return prefix + line;
  const [, word, rest] = line.match(/^\/(\S*) ?(.*)$/s);
  const command = word.toLowerCase();
  const named = rest.match(/^#(\S+)/)?.[1];
  const hasRoom = named !== undefined && (isMember(named) || !['me', 'topic', 'search'].includes(command));
  if (command === 'leave') return isHome(view) ? line : `/unfollow ${view.name}`;
  if (command === 'say') return prefix + rest;
  if (command === 'who' && !rest.trim()) return `/who ${view.name}`;
  if (hasRoom || !(command === 'me' || ABOUT_ROOM.has(command)) || (me.role && ABOUT_SERVER.has(command))) return line;
  return `/${word} ${prefix}${rest}`.trimEnd();
}

/** In a conversation every text is a whisper; commands stay what they are. */
function routeWhisper(line, name) {
  if (/^(@@|\/\/|##)/.test(line)) return `@${name} ${line.slice(1)}`;
  if (/^\/say /i.test(line)) return `@${name} ${line.slice(5)}`;
  if (/^[@/]/.test(line)) return line;
  return `@${name} ${line}`;
}
