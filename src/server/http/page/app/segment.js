// A segment: lines that follow each other without a gap, as data. log.js draws a part of the segment that is on the screen.

/** An author's block of code ends by itself if the next line does not come within so many seconds. */
const CODE_PAUSE = 60;
/** A longer block of code becomes several lines. */
const MAX_BLOCK = 200; // messages

class Segment {
  items = [];
  byId = new Map(); // id of a message -> its line
  hasOlder = null; // whether the server has messages before the first one; `null`: not known
  hasNewer = false; // whether the server has messages behind the last one that are not here
  isLoading = false;
  #openCode = new Map(); // folded name -> the last line of the author's block of code that is open

  /** Adds a line at the end; some lines join the one before. */
  append(item) {
    item.at ??= Date.now() / 1000;
    if (item.kind === 'presence' && this.#joinPresence(item)) return;
    if (item.text !== undefined && SPEECH.has(item.kind) && this.#joinCode(item)) return;
    this.items.push(item);
    if (item.id) this.byId.set(item.id, item);
    if (this === shown.segment) wantFlush();
  }

  /** Adds what was said before the first line. */
  prepend(items) {
    const at = this === shown.segment && !stick ? topItem() : null;
    const older = new Segment();
    items.forEach((item) => older.append(item));
    const count = older.items.length;
    // A block of code that begins in the older ones goes on here.
    const rejoins = older.#openCode.size > 0;
    if (rejoins) this.items.splice(0).flatMap(rawItems).forEach((item) => older.append(item));
    else {
      older.items.push(...this.items);
      this.byId.forEach((item, id) => older.byId.set(id, item));
      older.#openCode = this.#openCode;
    }
    Object.assign(this, { items: older.items, byId: older.byId });
    this.#openCode = older.#openCode;
    if (this === shown.segment) linesPrepended(count, rejoins, at);
  }

  /** Comings and goings take one line together: they are not what one comes for. */
  #joinPresence(item) {
    const last = this.items.at(-1);
    if (last?.kind !== 'presence' || last.count >= 12) return false;
    last.count = (last.count ?? 1) + 1;
    last.text += ` · ${item.text}`;
    lineChanged(this, last);
    return true;
  }

  /** Messages of one author from one that opens a block of code to the one that closes it are one line. */
  #joinCode(item) {
    const author = fold(item.own ? me.name : item.name);
    const open = this.#openCode.get(author);
    const { lines, isOpen } = codeLine(item.text, Boolean(open) && item.at - open.at <= CODE_PAUSE);
    this.#openCode.delete(author);
    if (!lines) return false;
    const part = { id: item.id, at: item.at, text: item.text, lines };
    const goesOn = open && open.block === this.items.at(-1) && open.block.parts.length < MAX_BLOCK;
    const block = goesOn ? open.block : item;
    if (block === item) item.parts = [part];
    else block.parts.push(part);
    if (isOpen) this.#openCode.set(author, { block, at: item.at });
    if (block === item) return false;
    block.mention ||= item.mention;
    if (item.id) this.byId.set(item.id, block);
    lineChanged(this, block);
    return true;
  }

  /** Removes a message. */
  remove(id) {
    const item = this.byId.get(id);
    this.byId.delete(id);
    if (!item) return;
    if (item.parts?.length > 1) {
      item.parts = item.parts.filter((part) => part.id !== id);
      const [{ id: first, at, text }] = item.parts;
      Object.assign(item, { id: first, at, text });
      redrawLine(this, item);
    } else this.#removeItem(item);
  }

  #removeItem(item) {
    const index = this.items.indexOf(item);
    this.items.splice(index, 1);
    lineRemoved(this, item, index);
  }

  /** Removes the oldest lines, so that `most` stay. */
  trim(most) {
    const excess = this.items.length - most;
    if (excess <= 0) return 0;
    for (const item of this.items.splice(0, excess)) for (const id of idsOf(item)) this.byId.delete(id);
    this.hasOlder = me.stores;
    return excess;
  }

  /** Removes the newest lines, so that `most` stay. */
  trimNewer(most) {
    for (const item of this.items.splice(most)) for (const id of idsOf(item)) this.byId.delete(id);
    this.hasNewer = true;
  }

  /** Another run of the server gives the same ids to other messages. */
  forgetIds() {
    this.byId.clear();
    for (const item of this.items) {
      item.id = 0;
      item.parts?.forEach((part) => { part.id = 0; });
      if (item.node) delete item.node.dataset.id;
    }
  }

  get firstId() { return this.items.find((item) => item.id)?.id ?? 0; }
  get lastId() { return idsOf(this.items.findLast((item) => item.id) ?? {}).at(-1) ?? 0; }
}

/** The kinds of lines that somebody said. */
const SPEECH = new Set(['said', 'whisper', 'whispered']);
const idsOf = (item) => item.parts ? item.parts.map((part) => part.id) : item.id ? [item.id] : [];
/** The messages of a line. */
const rawItems = (item) => item.parts?.map(({ id, at, text }) => ({ ...item, parts: undefined, nodes: null, node: null, id, at, text })) ?? [item];
