// What the page says around the image: progress, time left, whether grades are saved, notices.

import { at, nameOf, words } from "./page.js";

const PACE_OVER = 20;
const PACE_FROM = 5;
const LONGEST_STEP_MS = 60_000;
const SIGN_IN = new Set(["signed_out", "forbidden", "other_person"]);

/** The line that says truthfully whether all answers are saved; it stands on every page that gives some. */
export class Saving {
  #outbox;
  #say;
  #refusal = null;

  constructor({ outbox, say }) {
    this.#outbox = outbox;
    this.#say = say;
    outbox.addEventListener("state", () => this.render());
    this.render();
  }

  /** Why the server told nothing, whatever became of the answers; null when that is over. */
  refuse(refusal) {
    this.#refusal = refusal;
    this.render();
  }

  render() {
    const { state, size, refusal } = this.#outbox;
    const status = at("saving");
    const worse = state === "offline" || state === "refused";
    const text = {
      saved: words("saved"),
      saving: words("saving"),
      offline: words(navigator.onLine ? "unreachable" : "offline", { count: size }),
      refused: refusal ? words("refused", { reason: refusal.text, count: size }) : "",
    }[state];
    // Said aloud when it turns, not at every grade.
    if (worse !== (status.dataset.worse === "true")) this.#say(text);
    status.dataset.state = state;
    status.dataset.worse = worse;
    at("saving-text").textContent = text;
    at("sign-in").hidden = !SIGN_IN.has((refusal ?? this.#refusal)?.code);
  }
}

export class View {
  #session;
  #outbox;
  #saving;
  #refusal = null;
  #steps = [];
  #lastStep = performance.now();

  constructor({ session, outbox }) {
    this.#session = session;
    this.#outbox = outbox;
    session.addEventListener("show", () => this.#render());
    session.addEventListener("answered", () => this.#step());
    session.addEventListener("say", (event) => this.say(event.detail));
    session.addEventListener("stale", (event) => this.notify(event.detail));
    this.#saving = new Saving({ outbox, say: (sentence) => this.say(sentence) });
    outbox.addEventListener("state", () => this.#renderFinished());
    at("notice-close").addEventListener("click", () => this.notify(""));
  }

  /** For a screen reader. */
  say(sentence) {
    at("announcer").textContent = sentence;
  }

  /** For everybody, until it is closed; an empty sentence closes it. */
  notify(sentence) {
    at("notice-text").textContent = sentence;
    at("notice").hidden = !sentence;
  }

  /** The study is paused, say, or somebody else is signed in; null when that is over. */
  refuse(refusal) {
    if (!refusal && !this.#refusal) return;
    this.#refusal = refusal;
    this.notify(refusal?.text ?? "");
    this.#saving.refuse(refusal);
  }

  #render() {
    const { view, number, answered, total, reviewed, latest } = this.#session;
    const grader = at("grader");
    grader.dataset.view = view;
    grader.dataset.reviewing = reviewed !== null;
    at("progress-text").textContent = words("progress", { number: view === "finished" ? answered : number, total });
    Object.assign(at("progress-bar"), { max: Math.max(total, 1), value: answered });
    at("time-left").textContent = this.#timeLeft(total - answered);
    at("finished").hidden = view !== "finished" || total === 0;
    at("nothing").hidden = view !== "finished" || total > 0;
    at("reviewing").hidden = reviewed === null;
    if (reviewed) at("reviewing-text").textContent = words("last", { number: reviewed.number, answer: nameOf(reviewed.given) });
    at("last").textContent = latest ? words("last", { number: latest.number, answer: nameOf(latest.given) }) : "";
    this.#renderFinished();
  }

  #renderFinished() {
    const { size } = this.#outbox;
    at("finished-waiting").hidden = size === 0;
    at("finished-saved").hidden = size > 0;
  }

  #step() {
    const now = performance.now();
    this.#steps = [...this.#steps, Math.min(now - this.#lastStep, LONGEST_STEP_MS)].slice(-PACE_OVER);
    this.#lastStep = now;
  }

  #timeLeft(images) {
    if (this.#steps.length < PACE_FROM || images <= 0) return "";
    const median = this.#steps.toSorted((a, b) => a - b)[Math.floor(this.#steps.length / 2)];
    const minutes = Math.round((images * median) / 60_000);
    if (!minutes) return words("underAMinute");
    if (minutes < 60) return words("minutesLeft", { minutes });
    return words("hoursLeft", { hours: (minutes / 60).toFixed(1).replace(".0", "") });
  }
}
