// The colours of names: the names that were seen last never share one.

/** How many colours there are: neighbours on the circle of hues can be told apart in light and in dark. */
const COLOURS = 12;
/** The colour of each name that has one, a number below `COLOURS`; the name that was seen last stands last. */
const colourOf = new Map(); // folded name -> colour

/** The colour that a name has if no other has it, the same on every page (FNV-1a). */
function preferredColour(name) {
  let hash = 0x811c9dc5;
  for (const unit of fold(name)) hash = Math.imul(hash ^ unit.codePointAt(0), 0x01000193);
  return (hash >>> 0) % COLOURS;
}

function colourDistance(one, other) {
  const apart = Math.abs(one - other);
  return Math.min(apart, COLOURS - apart);
}

/** A free colour for a name: the preferred one, or else the one that is least like those in use. */
function freeColour(name) {
  const used = [...colourOf.values()];
  const preferred = preferredColour(name);
  if (!used.includes(preferred)) return preferred;
  const free = Array.from({ length: COLOURS }, (_, colour) => colour).filter((colour) => !used.includes(colour));
  const apart = (colour) => Math.min(...used.map((other) => colourDistance(colour, other)));
  return free.sort((a, b) => apart(b) - apart(a) || colourDistance(a, preferred) - colourDistance(b, preferred))[0];
}

const hueOfColour = (colour) => colour * 360 / COLOURS;

/** The hue of a name that is seen now, in degrees. If no colour is free, the name not seen for the longest time loses its own. */
function hueOf(name) {
  const key = fold(name);
  const known = colourOf.get(key);
  if (known === undefined && colourOf.size === COLOURS) colourOf.delete(colourOf.keys().next().value);
  const colour = known ?? freeColour(name);
  colourOf.delete(key);
  colourOf.set(key, colour);
  return hueOfColour(colour);
}

/** The hue of a name in a list, which may be long: it takes no colour from another name. */
function hueInList(name) {
  const mayTake = colourOf.has(fold(name)) || colourOf.size < COLOURS;
  return mayTake ? hueOf(name) : hueOfColour(preferredColour(name));
}

/** A member with a new name keeps its colour. */
function renameHue(old, name) {
  const colour = colourOf.get(fold(old));
  if (colour === undefined) return;
  colourOf.delete(fold(old));
  colourOf.set(fold(name), colour);
}
