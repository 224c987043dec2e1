// What the page says around the image: progress, time left, whether grades are saved, notices.

import { texts } from "./texts.js";

const PACE_OVER = 20;
const PACE_FROM = 5;
const LONGEST_STEP_MS = 60_000;
const SIGN_IN = new Set(["signed_out", "forbidden", "other_person"]);

export class View {
  #session;
  #outbox;
  #name;
  #refusal = null;
  #steps = [];
  #lastStep = performance.now();

  constructor({ session, outbox, name }) {
    this.#session = session;
    this.#outbox = outbox;
    this.#name = name;
    session.addEventListener("show", () => this.#render());
    session.addEventListener("answered", () => this.#step());
    session.addEventListener("say", (event) => this.say(event.detail));
    session.addEventListener("stale", (event) => this.notify(event.detail));
    outbox.addEventListener("state", () => this.#renderSaving());
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
    this.#renderSaving();
  }

  #render() {
    const { view, number, answered, total, reviewed, latest } = this.#session;
    const grader = at("grader");
    grader.dataset.view = view;
    grader.dataset.reviewing = reviewed !== null;
    at("progress-text").textContent = texts.progress(view === "finished" ? answered : number, total);
    Object.assign(at("progress-bar"), { max: Math.max(total, 1), value: answered });
    at("time-left").textContent = this.#timeLeft(total - answered);
    at("finished").hidden = view !== "finished" || total === 0;
    at("nothing").hidden = view !== "finished" || total > 0;
    at("reviewing").hidden = reviewed === null;
    if (reviewed) at("reviewing-text").textContent = texts.last(reviewed.number, this.#name(reviewed.given));
    at("last").textContent = latest ? texts.last(latest.number, this.#name(latest.given)) : "";
    this.#renderChoice(reviewed?.given ?? null, view !== "grading");
    this.#renderSaving();
  }

  #renderChoice(given, disabled) {
    for (const button of document.querySelectorAll(".level")) {
      button.setAttribute("aria-pressed", given !== null && Number(button.dataset.value) === given.level_value);
      button.setAttribute("aria-disabled", disabled);
    }
    at("flag").setAttribute("aria-pressed", Boolean(given?.flag));
    at("unsure").setAttribute("aria-pressed", given?.unsure ?? false);
    for (const id of ["flag", "unsure"]) at(id).setAttribute("aria-disabled", disabled);
  }

  #renderSaving() {
    const { state, size, refusal } = this.#outbox;
    const status = at("saving");
    const worse = state === "offline" || state === "refused";
    const text = {
      saved: texts.saved,
      saving: texts.saving,
      offline: navigator.onLine ? texts.unreachable(size) : texts.offline(size),
      refused: refusal ? texts.refused(refusal.text, size) : "",
    }[state];
    // Said aloud when it turns, not at every grade.
    if (worse !== (status.dataset.worse === "true")) this.say(text);
    status.dataset.state = state;
    status.dataset.worse = worse;
    at("saving-text").textContent = text;
    at("sign-in").hidden = !SIGN_IN.has((refusal ?? this.#refusal)?.code);
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
    return minutes ? texts.timeLeft(minutes) : texts.underAMinute;
  }
}

export function at(id) {
  return document.getElementById(id);
}
