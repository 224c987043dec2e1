// Answers on their way to the server: in order, each until the server says that it has it.

import { Refused } from "./server.js";

const MOST_AT_ONCE = 50;
const WAITS_MS = [500, 1000, 2000, 4000, 8000, 15000];

/**
 * Events: "state" when `state` or `size` changed, "outcome" with {answer, outcome} for each answer that the server took.
 * `state` is saved | saving | offline | refused; `refusal` is the reason while refused.
 */
export class Outbox extends EventTarget {
  state = "saved";
  refusal = null;
  #server;
  #waiting = [];
  #running = false;
  #failures = 0;
  #wake = null;

  constructor(server) {
    super();
    this.#server = server;
  }

  get size() {
    return this.#waiting.length;
  }

  /** How many answers to that image the server has not confirmed. */
  waitingFor(token) {
    return this.#waiting.filter((answer) => answer.token === token).length;
  }

  add(answer) {
    // With this key, a delivery that is repeated is applied once.
    this.#waiting.push({ ...answer, client_key: newKey() });
    if (this.#running) this.#changed(this.state, this.refusal);
    else this.#run();
  }

  /** Try now rather than after the wait. */
  nudge() {
    this.#wake?.();
  }

  async #run() {
    this.#running = true;
    while (this.#waiting.length) {
      // A retry that follows a failure is not called saving: nothing has shown yet that it will succeed.
      if (!this.#failures) this.#changed("saving");
      const why = await this.#attempt();
      if (why) await this.#pause(why);
      else this.#failures = 0;
    }
    this.#running = false;
    this.#changed("saved");
  }

  /** Deliver the first answers; null, or why some of them stay. */
  async #attempt() {
    const batch = this.#waiting.slice(0, MOST_AT_ONCE);
    try {
      return this.#settle(batch, await this.#server.deliver(batch));
    } catch (error) {
      if (error instanceof Refused) return { state: "refused", refusal: error.refusal };
      return { state: "offline", refusal: null };
    }
  }

  #settle(batch, outcomes) {
    const byKey = new Map(outcomes.map((outcome) => [outcome.client_key, outcome]));
    const taken = batch.filter((answer) => (byKey.get(answer.client_key)?.status ?? "refused") !== "refused");
    this.#waiting = this.#waiting.filter((answer) => !taken.includes(answer));
    for (const answer of taken) {
      this.dispatchEvent(new CustomEvent("outcome", { detail: { answer, outcome: byKey.get(answer.client_key) } }));
    }
    const refused = outcomes.find((outcome) => outcome.status === "refused");
    return refused ? { state: "refused", refusal: refused.refusal } : null;
  }

  #pause({ state, refusal }) {
    this.#changed(state, refusal);
    const wait = WAITS_MS[Math.min(this.#failures++, WAITS_MS.length - 1)];
    return new Promise((resolve) => {
      // Spread, so that a server that comes back does not meet everybody in the same moment.
      const timer = setTimeout(() => this.#wake(), wait * (0.75 + Math.random() / 2));
      this.#wake = () => {
        clearTimeout(timer);
        this.#wake = null;
        resolve();
      };
    });
  }

  #changed(state, refusal = null) {
    this.state = state;
    this.refusal = refusal;
    this.dispatchEvent(new Event("state"));
  }
}

/** A random UUID (version 4); browsers offer their own on secure pages alone, and a study may run on a plain intranet. */
function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
