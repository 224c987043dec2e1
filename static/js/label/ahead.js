// The next images: a few tokens in the order that the server gives, asked for again while some are left.

const MOST_ITEMS = 20;
const RETRY_MS = 4000;
const AGAIN_MS = 300;

/** Events: "found" with the window when the server told what is next, "failed" with the error. */
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

  /** The first token is answered: take it off. */
  shift() {
    const token = this.tokens.shift();
    this.#answered.add(token);
    if (!this.complete && this.tokens.length <= this.#size / 2) this.refresh();
    return token;
  }

  /** Believe a window of `asked` items, but for what this page has answered and the server may not have yet. */
  take({ tokens }, asked = this.#size) {
    this.tokens = tokens.filter((token) => !this.#answered.has(token));
    this.complete = tokens.length < Math.min(asked, MOST_ITEMS);
  }

  async refresh() {
    if (this.#asking) return;
    this.#asking = true;
    const asked = this.#size + this.#outbox.size;
    const [quiet, known] = [this.#outbox.size === 0, this.#answered.size];
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
