// The card when all images are graded: how many, and how many of them the rater may want to see again.

import { at } from "./page.js";

export class Finished {
  #session;
  #outbox;
  #server;
  #links = at("finished-links");

  constructor({ session, outbox, server }) {
    this.#session = session;
    this.#outbox = outbox;
    this.#server = server;
    session.addEventListener("show", () => this.#render());
    outbox.addEventListener("state", () => this.#render());
    this.#render();
  }

  async #render() {
    if (this.#session.view !== "finished") return;
    at("finished-count").textContent = this.#session.answered;
    // Only then does the server know all.
    if (this.#outbox.size) return;
    try {
      this.#tell(await this.#server.mine(this.#links.dataset.counts));
    } catch (error) {
      // Their page tells it too.
      console.info("How many were flagged or unsure can’t be told now.", error);
    }
  }

  #tell(counts) {
    for (const link of this.#links.querySelectorAll("[data-count]")) {
      const count = counts[link.dataset.count];
      link.hidden = count === 0;
      link.querySelector("span").textContent = `(${count})`;
    }
  }
}
