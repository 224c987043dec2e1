// The rater's way through the images: what is on the screen, what was answered, and what an answer does.

import { Refused } from "./server.js";
import { nameOf, words } from "./page.js";

const RECENT = 9;
// A key that was on its way when another image came unasked was meant for the one before.
const UNASKED_MS = 300;

/**
 * Events: "show" when another image or answer is on the screen, "say" with a sentence, "answered" with {decideMs} after
 * a first answer, "elsewhere" when the image on the screen was answered in another window, "stale" with {token, before,
 * now, version} when an answer replaced one that this page did not know of, "changed" with the token of an image whose answer
 * was changed here or elsewhere.
 */
export class Session extends EventTarget {
  view = "loading"; // loading | grading | finished
  answered = 0;
  total = 0;
  #server;
  #outbox;
  #stage;
  #ahead;
  #past = [];
  // Index into `#past` while looking back; null at the first unanswered image.
  #at = null;
  // The token on the screen.
  #shown = null;
  #lookingBack = Promise.resolve();
  // Tokens of images whose answer the server refused: they come again.
  #takenBack = new Set();

  constructor({ server, outbox, stage, ahead }) {
    super();
    this.#server = server;
    this.#outbox = outbox;
    this.#stage = stage;
    this.#ahead = ahead;
    outbox.addEventListener("outcome", (event) => this.#told(event.detail));
    outbox.addEventListener("given", (event) => this.#elsewhere(event.detail));
    ahead.addEventListener("found", (event) => this.#found(event.detail));
  }

  /** Begin with the window that came with the page; what waited on this machine is answered. */
  async start({ answered, total }) {
    Object.assign(this, { answered, total });
    for (const answer of await this.#outbox.ready) this.#learn(answer);
    this.#showHead();
  }

  /** The answered item that is looked at, or null at the first unanswered image. */
  get reviewed() {
    return this.#at === null ? null : this.#past[this.#at];
  }

  /** The token of the image on the screen, or null. */
  get token() {
    return this.#shown;
  }

  /** Whether there is an image that the rater has seen. */
  get ready() {
    return this.view === "grading" && this.#stage.current?.paintedAt != null;
  }

  /** The last answered items, the latest one last. */
  get recent() {
    return this.#past.slice(-RECENT);
  }

  get latest() {
    return this.#past.at(-1) ?? null;
  }

  get number() {
    return this.reviewed?.number ?? Math.min(this.answered + 1, this.total);
  }

  get #place() {
    return { number: this.number, total: this.total };
  }

  /**
   * Answer the image on the screen; false when there is none that the rater has seen. `regions`: {level_value, flag} of
   * each part of the face, where the study grades those.
   */
  give({ level = null, flag = "", comment = "", unsure = false, regions = {} }) {
    if (!this.ready) return false;
    const given = { level_value: level, flag, comment, unsure, regions };
    if (this.reviewed) this.#change(this.reviewed, given);
    else this.#answerHead(given);
    return true;
  }

  /** Go on without an image that the server has lost; false for any other, and for one that was answered. */
  leaveOut() {
    if (this.view !== "grading" || this.reviewed || !this.#stage.current?.gone) return false;
    this.#answerHead({ level_value: null, flag: "missing", comment: "", unsure: false, regions: {} });
    return true;
  }

  /** To the image before; earlier ones are fetched when the page has none. */
  back() {
    // In turn: a second key while the past is being fetched goes one further.
    this.#lookingBack = this.#lookingBack.then(() => this.#back());
  }

  async #back() {
    const from = this.#shown;
    if ((this.#at ?? this.#past.length) === 0 && !(await this.#fetchPast())) return;
    // While the past was being fetched, the rater has moved on.
    if (this.#shown !== from) return;
    const place = (this.#at ?? this.#past.length) - 1;
    if (place >= 0) this.#review(place);
  }

  /** To an image that was answered. */
  goTo(token) {
    const place = this.#past.findIndex((item) => item.token === token);
    if (place >= 0 && token !== this.#shown) this.#review(place);
  }

  /** Know the last answers of before this page was opened, should there be room among the recent ones. */
  async recall() {
    if (this.#past.length >= RECENT || this.answered <= this.#past.length) return;
    this.#lookingBack = this.#lookingBack.then(() => this.#fetchPast({ quietly: true }));
    await this.#lookingBack;
    this.#prepare();
    this.dispatchEvent(new Event("show"));
  }

  /** Put the earlier answer back that a stale one replaced: it is given once more. */
  putBack({ token, before, version }) {
    const { version: _, ...given } = before;
    const item = this.#past.find((one) => one.token === token);
    this.#outbox.add({
      token,
      ...asSent(given),
      base_version: Math.max(version, item?.given.version ?? 0) + this.#outbox.waitingFor(token),
      client_time: new Date().toISOString(),
    });
    if (item) item.given = { ...given, version: item.given.version };
    this.dispatchEvent(new Event("show"));
    this.#say(words("changed", { answer: nameOf(given), ...this.#place }));
  }

  forward() {
    if (this.#at === null) return;
    if (this.#at < this.#past.length - 1) {
      this.#review(this.#at + 1);
    } else {
      this.#showHead();
      if (this.view === "grading") this.#say(words("forward", this.#place));
    }
  }

  #answerHead(given) {
    const [token] = this.#ahead.tokens;
    const item = { token, number: this.number, given: { ...given, version: 0 } };
    const decideMs = this.#send(item, given);
    this.#past.push(item);
    this.answered += 1;
    this.#ahead.drop(token);
    this.#showHead();
    if (this.view === "grading") this.#say(words("given", { answer: nameOf(given), ...this.#place }));
    if (decideMs !== null) this.dispatchEvent(new CustomEvent("answered", { detail: { decideMs } }));
  }

  #change(item, given) {
    const { version, ...before } = item.given;
    const same = alike(given, before);
    if (!same) {
      this.#send(item, given);
      item.given = { ...given, version };
      this.dispatchEvent(new CustomEvent("changed", { detail: item.token }));
    }
    this.#showHead();
    this.#say(same ? words("kept", this.#place) : words("changed", { answer: nameOf(given), ...this.#place }));
  }

  /** Returns how long the rater took, in ms. */
  #send(item, given) {
    const { paintedAt, shownAt } = this.#stage.current;
    const decideMs = Math.round(performance.now() - paintedAt);
    // Nothing was seen of an image that is left out.
    const seen = shownAt && { shown_at: shownAt.toISOString(), decide_ms: decideMs, viewing: this.#stage.viewing() };
    this.#outbox.add({
      token: item.token,
      ...asSent(given),
      base_version: item.given.version + this.#outbox.waitingFor(item.token),
      client_time: new Date().toISOString(),
      ...seen,
    });
    return seen && decideMs;
  }

  /** Know of an answer that this page did not take. */
  #learn(answer) {
    const { token } = answer;
    // Without those on their way, as `#send` adds them.
    const version = Math.max(0, answer.base_version + 1 - this.#outbox.waitingFor(token));
    const item = this.#past.find((one) => one.token === token);
    if (item) {
      item.given = { ...asGiven(answer), version: Math.max(version, item.given.version) };
      return;
    }
    // Where more wait than the window held, its last ones are not in it.
    const beyond = !this.#ahead.tokens.length && !this.#ahead.complete && answer.base_version === 0;
    if (!this.#ahead.drop(token) && !beyond) return;
    this.answered += 1;
    this.#past.push({ token, number: this.answered, given: { ...asGiven(answer), version } });
  }

  #elsewhere(answer) {
    this.#learn(answer);
    this.dispatchEvent(new CustomEvent("changed", { detail: answer.token }));
    const [next] = this.#ahead.tokens;
    if (this.#at !== null || next === this.#shown) {
      this.#prepare();
      this.dispatchEvent(new Event("show"));
    } else {
      this.#showHead(UNASKED_MS);
      if (next) this.dispatchEvent(new Event("elsewhere"));
    }
  }

  /** The server told what became of an answer. */
  #told({ answer, outcome }) {
    const item = this.#past.find((one) => one.token === answer.token);
    if (outcome.status === "refused") {
      this.#takeBack(answer, item);
      return;
    }
    if (item) item.given.version = Math.max(item.given.version, outcome.version);
    if (outcome.status !== "stale") return;
    const { token } = answer;
    const detail = { token, before: outcome.earlier, now: asGiven(answer), version: outcome.version };
    this.dispatchEvent(new CustomEvent("stale", { detail }));
  }

  /** The server would not have it. A first answer leaves its image unanswered; a change, what was answered before. */
  #takeBack({ token }, item) {
    if (!item || this.#outbox.waitingFor(token)) return;
    const reviewed = this.reviewed;
    this.#past = this.#past.filter((one) => one !== item);
    if (!item.given.version) {
      this.answered -= 1;
      this.#takenBack.add(token);
      this.#ahead.takeBack(token);
    }
    // What is known of a change's image is fetched again when the rater looks back.
    else this.#past = [];
    this.#at = reviewed && this.#past.includes(reviewed) ? this.#past.indexOf(reviewed) : null;
    if (reviewed && this.#at === null) this.#showHead();
    this.#prepare();
    this.dispatchEvent(new Event("show"));
  }

  #found({ answered, total, exact }) {
    this.total = total;
    if (exact) this.answered = answered;
    const [next] = this.#ahead.tokens;
    if (this.#at !== null || (this.view === "grading" && next === this.#shown)) {
      this.#prepare();
      this.dispatchEvent(new Event("show"));
    } else {
      const replaced = this.view === "grading";
      this.#showHead(replaced ? UNASKED_MS : 0);
      if (replaced && next && !this.#takenBack.has(next)) this.dispatchEvent(new Event("elsewhere"));
    }
  }

  #showHead(seenMs = 0) {
    const [token] = this.#ahead.tokens;
    this.#at = null;
    this.view = token ? "grading" : this.#ahead.complete ? "finished" : "loading";
    this.#shown = token ?? null;
    if (token) this.#stage.show(token, words("image", this.#place), { seenMs });
    else this.#stage.clear();
    if (this.view === "finished" && this.total) this.#say(words("finished"));
    this.#prepare();
    this.dispatchEvent(new Event("show"));
  }

  #review(place) {
    this.#at = place;
    this.view = "grading";
    const { token, number, given } = this.reviewed;
    this.#shown = token;
    this.#stage.show(token, words("image", { number, total: this.total }));
    this.dispatchEvent(new Event("show"));
    this.#say(words("looking", { number, answer: nameOf(given) }));
  }

  #prepare() {
    this.#stage.prepare(this.#ahead.tokens, this.recent.map((item) => item.token));
  }

  /** Put earlier answers of this rater before the known ones; false when there are none, or none can be had. */
  async #fetchPast({ quietly = false } = {}) {
    const [first] = this.#past;
    try {
      // The server can't look back from an image of which it has no answer.
      const items = await this.#server.previous(first?.given.version ? first.token : null);
      const known = new Set(this.#past.map((item) => item.token));
      const older = items.filter((item) => !known.has(item.token)).reverse();
      for (const item of older) this.#overlay(item);
      this.#past.unshift(...older);
      if (this.#at !== null) this.#at += older.length;
      if (!older.length && !quietly) this.#say(words("first"));
      return older.length > 0;
    } catch (error) {
      if (!quietly) this.#say(error instanceof Refused ? error.refusal.text : words("backUnavailable"));
      return false;
    }
  }

  /** What the rater answered since, and the server has not got. */
  #overlay(item) {
    const waiting = this.#outbox.lastFor(item.token);
    if (waiting) item.given = { ...asGiven(waiting), version: item.given.version };
  }

  #say(sentence) {
    this.dispatchEvent(new CustomEvent("say", { detail: sentence }));
  }
}

/** An answer, or what it says of a part, as the server takes it: a level's value is called `level` there. */
export function asSent({ level_value: level, regions, ...rest }) {
  if (!regions) return { level, ...rest };
  const parts = Object.entries(regions).map(([region, part]) => [region, asSent(part)]);
  return { level, ...rest, regions: Object.fromEntries(parts) };
}

/** The other way round: what an answer that was sent says. */
export function asGiven({ level, flag, comment, unsure, regions }) {
  const part = (one) => ({ level_value: one.level ?? null, flag: one.flag ?? "" });
  const parts = Object.entries(regions ?? {}).map(([region, one]) => [region, part(one)]);
  return { ...part({ level, flag }), comment, unsure, regions: Object.fromEntries(parts) };
}

/** Whether two answers say the same. Regions, and what is said of each, may come in another order. */
export function alike(one, other) {
  if (typeof one !== "object" || one === null) return one === other;
  const names = Object.keys(one);
  return names.length === Object.keys(other).length && names.every((name) => name in other && alike(one[name], other[name]));
}
