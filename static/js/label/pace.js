// A rater's own pace: how long the rest will take, and a friendly word after an hour without a break, or when answers
// come much faster than they used to. It never stops anybody, and stays in this browser's tab.

import { at, boot, words } from "./page.js";

const MINUTE = 60_000;
const STEPS = { most: 20, least: 5, longest: 2 * MINUTE };
const BREAK = 5 * MINUTE;
const REST_AFTER = 60 * MINUTE;
// Quick: the median of the last answers is below a second, and below half of the median of the earlier ones.
const QUICK = { over: 8, earlier: 30, kept: 200, below: 1000, share: 0.5, again: 30 * MINUTE };
// So many answers later a notice goes by itself.
const NOTICE_FOR = 12;

const PLACE = `goldfold pace ${boot.owner}`;

export class Pace {
  #session;
  // Times are ms since 1970: a clock that goes on while the machine sleeps, and across reloads.
  #kept = { steps: [], decided: [], last: null, since: 0, toldRest: 0, toldQuick: 0, ...stored() };
  #notice = new Notice(document.querySelector(".label-bar"));

  /** Made at an answer, which counts. */
  constructor({ session }) {
    this.#session = session;
    session.addEventListener("answered", ({ detail }) => this.#answered(detail.decideMs));
    session.addEventListener("show", () => this.#render());
    this.#step(Date.now());
    store(this.#kept);
    this.#render();
  }

  #answered(decideMs) {
    const [kept, now] = [this.#kept, Date.now()];
    kept.decided = [...kept.decided, decideMs].slice(-QUICK.kept);
    this.#notice.answered();
    this.#step(now);
    if (now - Math.max(kept.since, kept.toldRest) >= REST_AFTER) {
      kept.toldRest = now;
      this.#notice.show(words("rest"));
    } else if (now - kept.toldQuick >= QUICK.again && isQuick(kept.decided)) {
      kept.toldQuick = now;
      this.#notice.show(words("quick"));
    }
    store(kept);
    this.#render();
  }

  #step(now) {
    const kept = this.#kept;
    const step = kept.last === null ? Infinity : now - kept.last;
    // What took longer was a pause, and tells nothing of the pace.
    if (step <= STEPS.longest) kept.steps = [...kept.steps, step].slice(-STEPS.most);
    if (step >= BREAK) this.#rested(now);
    kept.last = now;
  }

  #rested(now) {
    Object.assign(this.#kept, { since: now, toldRest: 0 });
    this.#notice.close();
  }

  #render() {
    at("time-left").textContent = timeLeft(this.#session.total - this.#session.answered, this.#kept.steps);
  }
}

function timeLeft(images, steps) {
  if (steps.length < STEPS.least || images <= 0) return "";
  const minutes = Math.round((images * median(steps)) / MINUTE);
  if (!minutes) return words("underAMinute");
  if (minutes < 60) return words("minutesLeft", { minutes });
  return words("hoursLeft", { hours: (minutes / 60).toFixed(1).replace(".0", "") });
}

function isQuick(decided) {
  const [latest, earlier] = [decided.slice(-QUICK.over), decided.slice(0, -QUICK.over)];
  if (earlier.length < QUICK.earlier) return false;
  return median(latest) < Math.min(QUICK.below, QUICK.share * median(earlier));
}

function median(numbers) {
  return numbers.toSorted((one, other) => one - other)[Math.floor(numbers.length / 2)];
}

/** Lies over the bar's left part: not over the image, and what says whether all is saved stays in sight. */
class Notice {
  #element = document.createElement("div");
  #text = document.createElement("p");
  #close = Object.assign(document.createElement("button"), { type: "button", className: "label-close", textContent: "×" });
  #left = 0;

  constructor(bar) {
    this.#close.setAttribute("aria-label", words("closeNotice"));
    this.#element.className = "pace-notice";
    // There from the beginning, so that a screen reader tells what comes into it.
    this.#text.setAttribute("role", "status");
    this.#element.append(this.#text, this.#close);
    this.#element.addEventListener("click", () => this.close());
    document.addEventListener("keydown", ({ key }) => {
      if (key === "Escape" && !document.querySelector("dialog[open]")) this.close();
    });
    this.close();
    bar.append(this.#element);
  }

  show(sentence) {
    this.#left = NOTICE_FOR;
    this.#open(sentence);
  }

  close() {
    this.#open("");
  }

  answered() {
    if (this.#left && --this.#left === 0) this.close();
  }

  #open(sentence) {
    this.#text.textContent = sentence;
    this.#close.hidden = !sentence;
    this.#element.dataset.open = Boolean(sentence);
  }
}

function stored() {
  try {
    return JSON.parse(sessionStorage.getItem(PLACE)) ?? {};
  } catch {
    // Nothing may be read here, or somebody else wrote what is no JSON: as if there was nothing.
    return {};
  }
}

function store(kept) {
  try {
    sessionStorage.setItem(PLACE, JSON.stringify(kept));
  } catch (error) {
    console.info("The pace is not kept in this browser.", error);
  }
}
