// What the page asks of the server.

import { words } from "./page.js";

const PATIENCE_MS = 20_000;

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
    const found = await this.#json(`${this.#urls.window}?size=${size}`);
    if (found.rater !== this.#rater) throw new Refused({ code: "other_person", text: words("otherPerson") });
    this.#csrf = found.csrf;
    return found;
  }

  /** Images answered before `token` (null: the last ones), latest first. */
  async previous(token) {
    const query = token ? `?before=${encodeURIComponent(token)}` : "";
    return (await this.#json(this.#urls.previous + query)).items;
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
      keepalive: body.length < 60_000,
    });
    return outcomes;
  }

  async #json(url, options = {}) {
    let response;
    let message;
    try {
      response = await fetch(url, { ...options, cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) });
      message = await response.json();
    } catch (error) {
      if (response?.status === 403) throw new Refused({ code: "forbidden", text: words("signedOut") });
      throw new Unreachable(words("failed"), { cause: error });
    }
    if (response.ok) return message;
    if (message.refusal) throw new Refused(message.refusal);
    throw new Unreachable(words("failed"));
  }
}
