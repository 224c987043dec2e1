// The rater's answers in groups, and what changing one of them does.

import { nameOf, words } from "../label/page.js";
import { alike, asGiven, asSent } from "../label/session.js";

const FLAGGED = "flagged";

/** The group that an answer belongs to: its level's value, or what can't be graded. */
export function keyOf({ level_value: value, flag }) {
  return flag ? FLAGGED : String(value);
}

/**
 * Items are {token, number, given, twice}; groups are {key, count, items, last, asked}, `items` in the page's order.
 * `count` is how many there are on the server, null where the page shows only what came here by a change; `last` is
 * the number of the last item that the server told.
 *
 * Events: "moved" with {item, was} when an answer changed (`was` is what it was), "told" with {item} when only what is said
 * of it did, "more" with the group when more of it is known, "stale" with a sentence.
 */
export class Grades extends EventTarget {
  groups = new Map();
  #items = new Map();
  #outbox;
  #server;
  #asked;
  // The last answers that were given on this machine, but not here, by token: the server may not have them yet.
  #given = new Map();
  // What the server had of images whose answers are on their way, by token.
  #before = new Map();
  #undo = null;

  constructor({ groups, levels, asked, outbox, server }) {
    super();
    Object.assign(this, { levels });
    this.#outbox = outbox;
    this.#server = server;
    this.#asked = asked;
    for (const key of [...levels.map(({ value }) => String(value)), FLAGGED]) {
      const told = groups.find((group) => String(group.level_value ?? FLAGGED) === key);
      const items = told?.items ?? [];
      this.groups.set(key, { key, count: told?.count ?? null, items: [...items], last: items.at(-1)?.number ?? 0 });
      for (const item of items) this.#items.set(item.token, item);
    }
    outbox.addEventListener("outcome", ({ detail }) => this.#confirmed(detail));
    outbox.addEventListener("given", ({ detail }) => this.#elsewhere(detail));
  }

  /** Shows what waited on this machine from before. */
  async begin() {
    for (const answer of await this.#outbox.ready) this.#elsewhere(answer);
  }

  item(token) {
    return this.#items.get(token);
  }

  /** The group that an item stands in now. */
  groupOf(item) {
    return this.groups.get(keyOf(item.given));
  }

  /** Whether the server has more of the group. */
  hasMore({ count, items }) {
    return count !== null && items.length < count;
  }

  /** Give another answer; `seen` is {shown_at, decide_ms, viewing}. False when it is the same. */
  change(item, given, seen) {
    if (same(item.given, given)) return false;
    this.#undo = { item, given: { ...item.given } };
    this.#send(item, given, seen);
    return true;
  }

  /** Whether the last change was of this one. */
  canUndo(item) {
    return this.#undo?.item === item;
  }

  /** Give the answer before the last change again. Returns the item. */
  undo(seen) {
    if (!this.#undo) return null;
    const { item, given } = this.#undo;
    this.#undo = null;
    this.#send(item, given, seen);
    return item;
  }

  #send(item, given, seen) {
    const { version, ...said } = given;
    if (!this.#before.has(item.token)) this.#before.set(item.token, item.given);
    this.#outbox.add({
      token: item.token,
      ...asSent(said),
      base_version: item.given.version + this.#outbox.waitingFor(item.token),
      client_time: new Date().toISOString(),
      ...seen,
    });
    this.#put(item, given);
  }

  #put(item, given) {
    const was = item.given;
    item.given = { ...given, version: was.version };
    const [before, after] = [keyOf(was), keyOf(given)];
    if (before !== after) {
      const [from, to] = [this.groups.get(before), this.groups.get(after)];
      from.items = from.items.filter((one) => one !== item);
      if (from.count !== null) from.count -= 1;
      to.items = this.#inOrder([...to.items, item]);
      if (to.count !== null) to.count += 1;
    }
    this.#dispatch("moved", { item, was });
  }

  /** An answer that was given in another window, or before this page was opened. */
  #elsewhere(answer) {
    this.#given.set(answer.token, answer);
    const item = this.#items.get(answer.token);
    if (item) this.#take(item, answer);
  }

  /** Show an answer, unless the server has it and told this item after. */
  #take(item, answer) {
    const waits = this.#outbox.waitingFor(item.token) > 0;
    if (!waits && item.given.version > answer.base_version) return;
    const given = asGiven(answer);
    if (!same(item.given, given)) {
      if (this.canUndo(item)) this.#undo = null;
      this.#put(item, given);
    }
    if (!waits) item.given.version = answer.base_version + 1;
  }

  #confirmed({ answer, outcome }) {
    const item = this.#items.get(answer.token);
    if (!item) return;
    if (outcome.status === "refused") {
      this.#takeBack(item);
      return;
    }
    if (!this.#outbox.waitingFor(item.token)) this.#before.delete(item.token);
    item.given.version = Math.max(item.given.version, outcome.version);
    item.twice = outcome.status === "stale";
    this.#dispatch("told", { item });
    if (!item.twice) return;
    this.#undo = { item, given: outcome.earlier };
    const sentence = words("stale", { before: nameOf(outcome.earlier), now: nameOf(asGiven(answer)) });
    this.dispatchEvent(new CustomEvent("stale", { detail: sentence }));
  }

  /** The server would not have it: what was answered before holds. */
  #takeBack(item) {
    const before = this.#before.get(item.token);
    if (!before || this.#outbox.waitingFor(item.token)) return;
    this.#before.delete(item.token);
    this.#undo = null;
    this.#put(item, before);
  }

  /** Ask the server for the next ones of a group. Raises what the server does. */
  async more(group) {
    const { url, show, order } = this.#asked;
    const query = new URLSearchParams({ show, order, group: group.key, after: group.last });
    const { items } = await this.#server.mine(`${url}?${query}`);
    const fresh = items.filter(({ token }) => !this.#items.has(token));
    for (const item of fresh) this.#items.set(item.token, item);
    group.last = items.at(-1)?.number ?? group.last;
    group.items = this.#inOrder([...group.items, ...fresh]);
    // Should fewer be left than was thought, there is nothing more to ask for.
    if (!items.length) group.count = group.items.length;
    this.#dispatch("more", { group, fresh });
    for (const item of fresh) {
      const answer = this.#given.get(item.token);
      if (answer) this.#take(item, answer);
    }
  }

  #inOrder(items) {
    const sign = this.#asked.order === "newest" ? -1 : 1;
    return items.toSorted((one, other) => sign * (one.number - other.number));
  }

  #dispatch(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

function same(one, other) {
  const [now, then] = [one, other].map(({ version, ...said }) => said);
  return alike(now, then);
}
