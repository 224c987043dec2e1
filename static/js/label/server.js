// What the page asks of the server, and which images come next.

import { words } from "./page.js";

const PATIENCE_MS = 20_000;
const MOST_ITEMS = 20;
const RETRY_MS = 4000;
const AGAIN_MS = 300;
const MOST_KEPT_ALIVE = 60_000;
// A window is asked for after so many answers.
const EVERY = 5;

/** The server answered, and said no: `refusal` is {code, text}. */
export class Refused extends Error {
  constructor(refusal) {
    super(refusal.text);
    this.refusal = refusal;
  }
}

/** No answer that makes sense: no network, a server that restarts, a proxy's page. */
export class Unreachable extends Error {}

export class Server {
  #urls;
  #csrf;
  #rater;

  constructor(urls, { csrf, rater }) {
    this.#urls = urls;
    this.#csrf = csrf;
    this.#rater = rater;
  }

  imageUrl(token) {
    return this.#urls.image.replace("TOKEN", token);
  }

  /** The next images: {tokens, answered, total}. */
  async window(size) {
    const found = await this.mine(`${this.#urls.window}?size=${size}`);
    this.#csrf = found.csrf;
    return found;
  }

  /** Images answered before `token` (null: the last ones), latest first. */
  async previous(token) {
    const query = token ? `?before=${encodeURIComponent(token)}` : "";
    return (await this.mine(this.#urls.previous + query)).items;
  }

  /** One outcome per answer. */
  async deliver(answers) {
    try {
      return await this.#post(answers);
    } catch (error) {
      if (!(error instanceof Refused) || error.refusal.code !== "forbidden") throw error;
      // Signing in again, in another tab, made this page's token useless: fetch the new one.
      await this.window(1);
      return this.#post(answers);
    }
  }

  async #post(answers) {
    const body = JSON.stringify({ answers, sent_at: new Date().toISOString(), rater: this.#rater });
    const { outcomes } = await this.#json(this.#urls.answers, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRFToken": this.#csrf },
      body,
      // A delivery outlives the page that is being closed; the browser allows that up to 64 KB.
      keepalive: new Blob([body]).size < MOST_KEPT_ALIVE,
    });
    if (!Array.isArray(outcomes)) throw new Unreachable(words("failed"));
    return outcomes;
  }

  /** What is told with whose it is: another person may have signed in since. */
  async mine(url) {
    const found = await this.#json(url);
    if (found.rater !== this.#rater) throw new Refused({ code: "other_person", text: words("otherPerson") });
    return found;
  }

  async #json(url, options = {}) {
    let response;
    let message;
    try {
      response = await fetch(url, { ...options, cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) });
      message = await response.json();
    } catch (error) {
      // Who is no rater of this study finds no such page.
      if (response?.status === 404) throw new Refused({ code: "other_person", text: words("otherPerson") });
      if (response?.status === 403) throw new Refused({ code: "forbidden", text: words("signedOut") });
      throw new Unreachable(words("failed"), { cause: error });
    }
    if (response.ok) return message;
    if (message.refusal) throw new Refused(message.refusal);
    throw new Unreachable(words("failed"));
  }
}

/**
 * The next images: a few tokens in the order that the server gives, asked for again before they run out.
 *
 * Events: "found" with the window when the server told what is next, "failed" with the error.
 */
export class Ahead extends EventTarget {
  tokens = [];
  // Whether `tokens` is all there is.
  complete = false;
  #server;
  #outbox;
  #size;
  #answered = new Set();
  #asking = false;

  constructor({ server, outbox, size }) {
    super();
    this.#server = server;
    this.#outbox = outbox;
    this.#size = size;
  }

  /** That image is answered; whether it was among the next ones. */
  drop(token) {
    const known = this.tokens.includes(token);
    this.tokens = this.tokens.filter((one) => one !== token);
    this.#answered.add(token);
    if (!this.complete && this.tokens.length <= this.#size - EVERY) this.refresh();
    return known;
  }

  /** That image is not answered after all: it comes again when the server says so. */
  takeBack(token) {
    this.#answered.delete(token);
    this.complete = false;
    this.refresh();
  }

  /** Believe a window of `asked` items, but for what this page has answered and the server may not have yet. */
  take({ tokens }, asked = this.#size) {
    this.tokens = tokens.filter((token) => !this.#answered.has(token));
    this.complete = tokens.length < Math.min(asked, MOST_ITEMS);
  }

  async refresh() {
    if (this.#asking) return;
    this.#asking = true;
    const [quiet, known] = [this.#outbox.size === 0, this.#answered.size];
    // What is on its way may still be among those that come; of few different sizes, the server's database plans each once.
    const asked = quiet ? this.#size : MOST_ITEMS;
    let wait = AGAIN_MS;
    try {
      const found = await this.#server.window(asked);
      this.take(found, asked);
      // Its counts hold only if no answer was under way meanwhile.
      const exact = quiet && known === this.#answered.size;
      this.dispatchEvent(new CustomEvent("found", { detail: { ...found, exact } }));
    } catch (error) {
      wait = RETRY_MS;
      this.dispatchEvent(new CustomEvent("failed", { detail: error }));
    } finally {
      this.#asking = false;
    }
    if (!this.tokens.length && !this.complete) setTimeout(() => this.refresh(), wait);
  }
}
