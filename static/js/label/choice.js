// What the rater chooses of an image: its grade, that they are unsure, or why it can't be graded.

import { at, words } from "./page.js";

const TOOLS = ["flag", "unsure"];

export class Choice {
  #session;
  #levels = [...document.querySelectorAll(".level")];
  #dialog = at("flag-dialog");
  #form = at("flag-form");

  constructor({ session }) {
    this.#session = session;
    session.addEventListener("show", () => this.#render());
    for (const button of this.#levels) {
      // The second half of a double click is not meant for the next image.
      button.addEventListener("click", (event) => event.detail > 1 || this.#grade(button));
    }
    at("unsure").addEventListener("click", () => this.#toggleUnsure());
    at("flag").addEventListener("click", () => this.#openFlag());
    this.#form.addEventListener("change", () => this.#needWords());
    this.#form.addEventListener("submit", (event) => this.#flag(event));
    this.#form.elements.comment.addEventListener("input", (event) => event.target.setCustomValidity(""));
  }

  /** What keys do here, for label.js: `once` where a key that is held down must not count again. */
  get actions() {
    const levels = this.#levels.map((button) => ({
      name: `level-${button.dataset.value}`,
      keys: button.dataset.key ? [button.dataset.key] : [],
      act: () => this.#grade(button),
      once: true,
    }));
    return [
      ...levels,
      { name: "unsure", keys: ["u"], act: () => this.#toggleUnsure() },
      { name: "flag", keys: ["f"], act: () => this.#openFlag() },
      { name: "lower", keys: ["ArrowDown"], act: () => this.#moveFocus(1) },
      { name: "higher", keys: ["ArrowUp"], act: () => this.#moveFocus(-1) },
    ];
  }

  #grade(button) {
    if (!this.#give({ level: Number(button.dataset.value) })) return;
    // A short sign on the button that the grade was taken; the next image is there already.
    button.classList.remove("given");
    requestAnimationFrame(() => button.classList.add("given"));
  }

  #give(answer) {
    const unsure = at("unsure").getAttribute("aria-pressed") === "true";
    return this.#session.give({ ...answer, unsure: unsure && !answer.flag });
  }

  #toggleUnsure() {
    const button = at("unsure");
    if (this.#session.view !== "grading") return;
    button.setAttribute("aria-pressed", button.getAttribute("aria-pressed") !== "true");
  }

  #openFlag() {
    if (this.#session.view !== "grading" || this.#dialog.open) return;
    this.#form.reset();
    const { flag, comment } = this.#session.reviewed?.given ?? { flag: "", comment: "" };
    this.#form.elements.comment.value = comment;
    const reasons = [...this.#form.elements.reason];
    const chosen = reasons.find((radio) => radio.value === flag) ?? reasons[0];
    chosen.checked = true;
    this.#needWords();
    this.#dialog.showModal();
    chosen.focus();
  }

  #needWords() {
    this.#form.elements.comment.required = this.#form.elements.reason.value === "other";
  }

  #flag(event) {
    event.preventDefault();
    const { reason, comment } = this.#form.elements;
    if (reason.value === "other" && !comment.value.trim()) {
      comment.setCustomValidity(words("reasonNeeded"));
      comment.reportValidity();
    } else if (this.#give({ flag: reason.value, comment: comment.value.trim() })) {
      this.#dialog.close();
    }
  }

  #moveFocus(step) {
    const from = this.#levels.indexOf(document.activeElement);
    const to = from < 0 ? (step > 0 ? 0 : this.#levels.length - 1) : from + step;
    this.#levels[Math.min(Math.max(to, 0), this.#levels.length - 1)].focus();
  }

  #render() {
    const given = this.#session.reviewed?.given ?? null;
    const disabled = this.#session.view !== "grading";
    for (const button of this.#levels) {
      button.setAttribute("aria-pressed", given !== null && Number(button.dataset.value) === given.level_value);
      button.setAttribute("aria-disabled", disabled);
    }
    at("flag").setAttribute("aria-pressed", Boolean(given?.flag));
    at("unsure").setAttribute("aria-pressed", given?.unsure ?? false);
    for (const id of TOOLS) at(id).setAttribute("aria-disabled", disabled);
  }
}
