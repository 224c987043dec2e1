// Answers on their way to the server: in order, each kept on this machine until the server says that it has it.

import { Refused } from "./server.js";

const MOST_AT_ONCE = 50;
const WAITS_MS = [500, 1000, 2000, 4000, 8000, 15000];
// A tab delivers what it was given; the others step in when nothing came of that.
const GRACE_MS = 2000;
// A tab that the browser put to sleep may hold the lock for good; without it, an answer may be sent twice, and counts once.
const LOCK_PATIENCE_MS = 25_000;
const STORE_PATIENCE_MS = 3000;
// A page that the server wrote before it had an answer may open after; for so long the store still knows of it.
const REMEMBERED_MS = 60_000;
// Refusals that are of one answer; all others are of whatever would be sent now.
const OF_ONE = new Set(["unknown", "invalid"]);

/** IndexedDB: {id, owner, answer, refusal, done}, where `id` counts up over all tabs. Rejects where a browser keeps nothing. */
class Store {
  #owner;
  #database = null;

  constructor(owner) {
    this.#owner = owner;
  }

  async all() {
    return (await this.#do("readonly", (rows) => [rows.index("owner").getAll(this.#owner)]))[0];
  }

  /** Write anew, or over what has the same id; resolves with the ids when the disk has it. */
  put(rows) {
    return this.#do("readwrite", (table) => rows.map((row) => table.put({ ...row, owner: this.#owner })));
  }

  remove(ids) {
    return this.#do("readwrite", (table) => ids.map((id) => table.delete(id)));
  }

  async #do(mode, act) {
    try {
      this.#database ??= this.#open();
      return await inTime(this.#transaction(await inTime(this.#database), mode, act));
    } catch (error) {
      // The browser may have closed or cleared it: the next call opens it again.
      this.#database = null;
      throw error;
    }
  }

  #open() {
    return new Promise((resolve, reject) => {
      const opening = indexedDB.open("goldfold", 1);
      opening.onupgradeneeded = () => {
        opening.result.createObjectStore("answers", { keyPath: "id", autoIncrement: true }).createIndex("owner", "owner");
      };
      opening.onsuccess = () => {
        const database = opening.result;
        database.onversionchange = () => database.close();
        database.onclose = () => (this.#database = null);
        resolve(database);
      };
      opening.onerror = () => reject(opening.error);
    });
  }

  #transaction(database, mode, act) {
    return new Promise((resolve, reject) => {
      const transaction = database.transaction("answers", mode, { durability: "strict" });
      transaction.oncomplete = () => resolve(requests.map((request) => request.result));
      transaction.onabort = () => reject(transaction.error);
      const requests = act(transaction.objectStore("answers"));
      // Rather than when this page comes to it: it may be closed in this very moment.
      transaction.commit();
    });
  }
}

/**
 * Events: "state" when `state`, `size` or `aside` changed, "keeps" when `keeps` did, "outcome" with {answer, outcome} for each answer that
 * the server took or refused, "given" with an answer that was given in another tab (or is to be tried again).
 * `state` is reading | saved | saving | offline | refused, over all tabs: reading until it is known what waited here from before; `refusal`
 * is the reason while nothing can be delivered.
 */
export class Outbox extends EventTarget {
  state = "reading";
  refusal = null;
  // Whether this browser keeps answers when the page is closed.
  keeps = true;
  /** Resolves with the answers that this machine kept from before and the server had not, or not long, confirmed. */
  ready;
  #server;
  #store;
  #name;
  #channel;
  // In order, of all tabs: {answer, own, id}; without an id, an answer is in memory alone: not kept yet, or (null) not any more.
  #waiting = [];
  #aside = [];
  // Keys of answers that are done with, should the store still have them.
  #settled = new Set();
  #turns = Promise.resolve();
  #writing = Promise.resolve();
  #running = false;
  #failures = 0;
  #most = MOST_AT_ONCE;
  #wake = null;
  #nudged = false;

  constructor(server, owner) {
    super();
    this.#server = server;
    this.#store = new Store(owner);
    this.#name = `goldfold ${owner}`;
    this.#channel = new BroadcastChannel(this.#name);
    this.#channel.addEventListener("message", ({ data }) => this.#turn(() => this.#hear(data)));
    this.ready = this.#turn(() => this.#begin());
  }

  get size() {
    return this.#waiting.length;
  }

  /** Whether closing the page now would lose an answer. */
  get atRisk() {
    return this.#waiting.some((entry) => entry.own && entry.id == null);
  }

  /** What the server would not take: {answer, refusal}. */
  get aside() {
    return this.#aside.map(({ answer, refusal }) => ({ answer, refusal }));
  }

  /** How many answers to that image the server has not confirmed. */
  waitingFor(token) {
    return this.#waiting.filter(({ answer }) => answer.token === token).length;
  }

  /** The last of them, or undefined. */
  lastFor(token) {
    return this.#waiting.findLast(({ answer }) => answer.token === token)?.answer;
  }

  add(answer) {
    // With this key, a delivery that is repeated is applied once.
    this.#waiting.push({ answer: { ...answer, client_key: newKey() }, own: true });
    const written = this.#keep();
    this.#writing = this.#writing.then(() => written);
    if (!this.#running) this.#run();
    else {
      this.#changed(this.state, this.refusal);
      // It may be waiting for another tab.
      if (!this.#failures) this.#wake?.();
    }
  }

  /** Try now rather than after the wait. */
  nudge() {
    // A try that is under way may have been too early: there is another one at once.
    if (this.#wake) this.#wake();
    else this.#nudged = true;
  }

  /** Deliver once more what was refused. */
  tryAgain() {
    return this.#turn(async () => {
      const again = this.#aside.splice(0).map(({ answer, id }) => ({ answer, id, own: true }));
      this.#waiting.push(...again);
      if (await this.#put(again)) this.#tell({ given: again });
      for (const { answer } of again) this.#dispatch("given", answer);
      this.#run();
    });
  }

  /** The rater does without what was refused. */
  discard() {
    return this.#turn(async () => {
      const entries = this.#aside.splice(0);
      const discarded = entries.map(({ answer }) => answer.client_key);
      for (const key of discarded) this.#settled.add(key);
      await this.#try(() => this.#store.remove(entries.flatMap(({ id }) => id ?? [])));
      this.#tell({ discarded });
      this.#rest();
    });
  }

  // --- What is kept ---

  /** One at a time, so that what is read is never older than what was written. */
  #turn(act) {
    const turn = this.#turns.then(act);
    // One that fails is reported to whoever waits for it, and holds up no other.
    this.#turns = turn.catch(() => null);
    return turn;
  }

  async #begin() {
    const done = await this.#read();
    const waited = this.#waiting.map(({ answer }) => answer);
    if (waited.length) this.#run();
    else this.#rest();
    return [...done, ...waited];
  }

  /** Know what the store has: it goes first, in its order. Returns what was done with not long ago. */
  async #read() {
    const before = [...this.#waiting, ...this.#aside].filter(({ id }) => id != null);
    const rows = await this.#try(() => this.#store.all());
    if (!rows) return [];
    const old = rows.filter((row) => Math.abs(Date.now() - (row.done ?? Date.now())) > REMEMBERED_MS);
    if (old.length) await this.#try(() => this.#store.remove(old.map((row) => row.id)));
    const open = rows.filter((row) => !row.done && !this.#settled.has(row.answer.client_key));
    const stored = new Set(rows.map((row) => row.answer.client_key));
    // What was kept before, and is not any more: another tab is long done with it, or the browser was told to forget all.
    // Nothing tells which, and to deliver it once more does no harm. It came before all that is kept now.
    for (const entry of before) if (!stored.has(entry.answer.client_key)) Object.assign(entry, { own: true, id: null });
    const merged = (entries, rows) => {
      const inMemory = entries.filter(({ answer }) => !stored.has(answer.client_key));
      return [...inMemory.filter(({ id }) => id === null), ...rows, ...inMemory.filter(({ id }) => id !== null)];
    };
    this.#waiting = merged(this.#waiting, open.filter((row) => !row.refusal));
    this.#aside = merged(this.#aside, open.filter((row) => row.refusal));
    return rows.filter((row) => row.done && !old.includes(row)).map((row) => row.answer);
  }

  /** Keep what is in memory alone, at once; what could not be kept before goes first. */
  async #keep() {
    const given = this.#waiting.filter((entry) => entry.own && entry.id === undefined && !entry.writing);
    for (const entry of given) entry.writing = true;
    await this.#put(given);
    for (const entry of given) entry.writing = false;
    this.#tell({ given });
  }

  /** Write entries into the store, where they can be had again; false when it takes none. */
  async #put(entries) {
    if (!entries.length) return true;
    const rows = entries.map(({ answer, refusal, id }) => ({ answer, refusal, ...(id != null && { id }) }));
    const ids = await this.#try(() => this.#store.put(rows));
    entries.forEach((entry, index) => (entry.id ??= ids?.[index]));
    return Boolean(ids);
  }

  /** What `act` returns; nothing when the store fails, which the page then says. */
  async #try(act) {
    let result;
    try {
      result = await act();
    } catch (error) {
      console.warn("Grades can’t be kept in this browser.", error);
    }
    const keeps = result !== undefined;
    if (keeps !== this.keeps) {
      this.keeps = keeps;
      this.#dispatch("keeps");
    }
    return result;
  }

  // --- What the tabs tell one another ---

  #tell(message) {
    // Entries go without what concerns this tab alone.
    const given = message.given?.map(({ answer, id }) => ({ answer, id }));
    this.#channel.postMessage({ ...message, ...(given && { given }) });
  }

  async #hear({ given = [], results = [], discarded = [] }) {
    for (const key of discarded) this.#settled.add(key);
    const known = new Set(this.#waiting.map(({ answer }) => answer.client_key));
    const gone = new Set([...given.map(({ answer }) => answer.client_key), ...discarded]);
    this.#aside = this.#aside.filter(({ answer }) => !gone.has(answer.client_key));
    const fresh = given.filter(({ answer }) => !known.has(answer.client_key) && !this.#settled.has(answer.client_key));
    this.#waiting.push(...fresh);
    this.#settle(results);
    if (results.some(({ outcome }) => outcome.status === "refused")) await this.#read();
    for (const { answer } of fresh) this.#dispatch("given", answer);
    // Where another tab gets through, this one does; and where nothing is left, there is nothing to wait for.
    if (results.length) this.#wake?.();
    if (this.#waiting.length) this.#run(GRACE_MS);
    this.#rest();
  }

  // --- Delivery ---

  async #run(grace = 0) {
    if (this.#running) return;
    this.#running = true;
    this.#changed("saving");
    if (grace) await this.#sleep(grace);
    while (this.#waiting.length) {
      // A retry that follows a failure is not called saving: nothing has shown yet that it will succeed.
      if (!this.#failures) this.#changed("saving");
      this.#nudged = false;
      const why = await this.#alone(() => this.#attempt());
      if (why) await this.#pause(why);
      else this.#failures = 0;
    }
    this.#running = false;
    this.#failures = 0;
    this.#rest();
  }

  /** One tab at a time, where the browser can see to that. */
  async #alone(act) {
    let begun = false;
    const begin = () => {
      begun = true;
      return act();
    };
    if (!navigator.locks) return act();
    try {
      return await navigator.locks.request(this.#name, { signal: AbortSignal.timeout(LOCK_PATIENCE_MS) }, begin);
    } catch (error) {
      if (begun) throw error;
      return act();
    }
  }

  /** Deliver the first answers; null, or why some of them stay. */
  async #attempt() {
    await this.#writing;
    await this.#turn(() => this.#read());
    const batch = this.#waiting.slice(0, this.#most).map(({ answer }) => answer);
    if (!batch.length) return null;
    let outcomes;
    try {
      outcomes = await this.#server.deliver(batch);
    } catch (error) {
      if (!(error instanceof Refused)) {
        // So much at once may be what the line, or a proxy, does not take.
        this.#most = Math.max(this.#most >> 1, 1);
        return { state: "offline", refusal: null };
      }
      if (!OF_ONE.has(error.refusal.code)) return { state: "refused", refusal: error.refusal };
      // The server can't read one of them, and so none: one by one, until that one is found.
      this.#most = 1;
      outcomes = batch.length > 1 ? [] : [{ client_key: batch[0].client_key, status: "refused", refusal: error.refusal }];
      if (!outcomes.length) return null;
    }
    this.#most = Math.min(this.#most * 2, MOST_AT_ONCE);
    const byKey = new Map(outcomes.map((outcome) => [outcome.client_key, outcome]));
    return this.#turn(() => this.#take(batch.map((answer) => ({ answer, outcome: byKey.get(answer.client_key) }))));
  }

  /** Believe the server; null, or why some answers stay. */
  async #take(answered) {
    const stays = ({ outcome }) => !outcome || (outcome.status === "refused" && !OF_ONE.has(outcome.refusal.code));
    const results = answered.filter((one) => !stays(one));
    const ids = new Map(this.#waiting.map(({ answer, id }) => [answer.client_key, id]));
    const entries = results.map(({ answer, outcome }) => ({ answer, refusal: outcome.refusal, id: ids.get(answer.client_key) }));
    const [refused, done] = [entries.filter((entry) => entry.refusal), entries.filter((entry) => !entry.refusal)];
    this.#settle(results);
    this.#aside.push(...refused);
    await this.#put(refused);
    const remembered = done.filter(({ id }) => id != null).map((entry) => ({ ...entry, done: Date.now() }));
    if (remembered.length) await this.#try(() => this.#store.put(remembered));
    this.#tell({ results });
    const first = answered.find(stays);
    if (!first) return null;
    return first.outcome ? { state: "refused", refusal: first.outcome.refusal } : { state: "offline", refusal: null };
  }

  #settle(results) {
    const keys = new Set(results.map(({ answer }) => answer.client_key));
    this.#waiting = this.#waiting.filter(({ answer }) => !keys.has(answer.client_key));
    for (const { answer, outcome } of results) {
      if (this.#settled.has(answer.client_key)) continue;
      // What was refused may be tried again.
      if (outcome.status !== "refused") this.#settled.add(answer.client_key);
      this.#dispatch("outcome", { answer, outcome });
    }
  }

  #pause({ state, refusal }) {
    this.#changed(state, refusal);
    const wait = WAITS_MS[Math.min(this.#failures++, WAITS_MS.length - 1)];
    if (this.#nudged) return null;
    // Spread, so that a server that comes back does not meet everybody in the same moment.
    return this.#sleep(wait * (0.75 + Math.random() / 2));
  }

  #sleep(ms) {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#wake(), ms);
      this.#wake = () => {
        clearTimeout(timer);
        this.#wake = null;
        resolve();
      };
    });
  }

  /** Say how things are while nothing waits. */
  #rest() {
    if (this.#running) this.#changed(this.state, this.refusal);
    else this.#changed(this.#aside.length ? "refused" : "saved");
  }

  #changed(state, refusal = null) {
    this.state = state;
    this.refusal = refusal;
    this.#dispatch("state");
  }

  #dispatch(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

function inTime(promise) {
  return new Promise((resolve, reject) => {
    promise.then(resolve, reject);
    setTimeout(() => reject(new Error("The browser’s store does not answer.")), STORE_PATIENCE_MS);
  });
}

/** A random UUID (version 4); browsers offer their own on secure pages alone, and a study may run on a plain intranet. */
function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
