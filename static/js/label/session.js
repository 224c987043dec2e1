// The rater's way through the images: what is on the screen, what was answered, and what an answer does.

import { Refused } from "./server.js";
import { nameOf, words } from "./page.js";

const PICTURES_KEPT = 8;

/**
 * Events: "show" when another image or answer is on the screen, "say" with a sentence, "answered" with {decideMs} after a first answer,
 * "stale" with a sentence when an answer replaced one that this page did not know of.
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

  constructor({ server, outbox, stage, ahead }) {
    super();
    this.#server = server;
    this.#outbox = outbox;
    this.#stage = stage;
    this.#ahead = ahead;
    outbox.addEventListener("outcome", (event) => this.#confirmed(event.detail));
    ahead.addEventListener("found", (event) => this.#found(event.detail));
  }

  /** Begin with the window that came with the page. */
  start({ answered, total }) {
    Object.assign(this, { answered, total });
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

  /** To the image before; earlier ones are fetched when the page has none. */
  back() {
    // In turn: a second key while the past is being fetched goes one further.
    this.#lookingBack = this.#lookingBack.then(() => this.#back());
  }

  async #back() {
    if ((this.#at ?? this.#past.length) === 0 && !(await this.#fetchPast())) return;
    // While the past was being fetched, the rater may have moved on.
    const place = (this.#at ?? this.#past.length) - 1;
    if (place >= 0) this.#review(place);
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
    this.#ahead.shift();
    this.#past.push(item);
    this.answered += 1;
    this.#showHead();
    if (this.view === "grading") this.#say(words("given", { answer: nameOf(given), ...this.#place }));
    this.dispatchEvent(new Event("answered"));
  }

  #change(item, given) {
    const { version, ...before } = item.given;
    const same = alike(given, before);
    if (!same) {
      this.#send(item, given);
      item.given = { ...given, version };
    }
    this.#showHead();
    this.#say(same ? words("kept", this.#place) : words("changed", { answer: nameOf(given), ...this.#place }));
  }

  /** Returns how long the rater took, in ms. */
  #send(item, given) {
    const { paintedAt, shownAt } = this.#stage.current;
    const decideMs = Math.round(performance.now() - paintedAt);
    this.#outbox.add({
      token: item.token,
      ...asSent(given),
      base_version: item.given.version + this.#outbox.waitingFor(item.token),
      shown_at: shownAt.toISOString(),
      client_time: new Date().toISOString(),
      decide_ms: decideMs,
      viewing: this.#stage.viewing(),
    });
    return decideMs;
  }

  #confirmed({ answer, outcome }) {
    const item = this.#past.find((one) => one.token === answer.token);
    if (item) item.given.version = Math.max(item.given.version, outcome.version);
    if (outcome.status !== "stale") return;
    const now = nameOf({ ...answer, level_value: answer.level });
    this.dispatchEvent(new CustomEvent("stale", { detail: words("stale", { before: nameOf(outcome.earlier), now }) }));
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
      this.#showHead();
      if (replaced && next) this.#say(words("elsewhere"));
    }
  }

  #showHead() {
    const [token] = this.#ahead.tokens;
    this.#at = null;
    this.view = token ? "grading" : this.#ahead.complete ? "finished" : "loading";
    this.#shown = token ?? null;
    if (token) this.#stage.show(token, words("image", this.#place));
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
    this.#stage.prepare(this.#ahead.tokens, this.#past.slice(-PICTURES_KEPT).map((item) => item.token));
  }

  /** Put earlier answers of this rater before the known ones; false when there are none, or none can be had. */
  async #fetchPast() {
    const first = this.#past[0]?.token ?? null;
    try {
      // The server can't look back from an image whose answer it has not got.
      const items = await this.#server.previous(first && this.#outbox.waitingFor(first) ? null : first);
      const known = new Set(this.#past.map((item) => item.token));
      const older = items.filter((item) => !known.has(item.token)).reverse();
      this.#past.unshift(...older);
      if (this.#at !== null) this.#at += older.length;
      if (!older.length) this.#say(words("first"));
      return older.length > 0;
    } catch (error) {
      this.#say(error instanceof Refused ? error.refusal.text : words("backUnavailable"));
      return false;
    }
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

/** Whether two answers say the same. Regions, and what is said of each, may come in another order. */
export function alike(one, other) {
  if (typeof one !== "object" || one === null) return one === other;
  const names = Object.keys(one);
  return names.length === Object.keys(other).length && names.every((name) => name in other && alike(one[name], other[name]));
}
