// What the rater chooses of an image: its grade (and those of the face's parts, where the study wants them), a comment,
// that they are unsure, or why it can't be graded.

import { at, nameOf, words } from "./page.js";

const FACE = "face";
const UNSEEN = { level_value: null, flag: "unseen" };
const TOOLS = ["flag", "unsure", "comment"];
// Two clicks that are further apart are meant for two parts of the face.
const DOUBLE_CLICK_MS = 300;

export class Choice {
  #session;
  #levels = [...document.querySelectorAll(".level[data-value]")];
  // Buttons of the whole face and its parts, in the order in which they are asked; none where the face alone is graded.
  #parts = [...document.querySelectorAll(".part")];
  #regions = this.#parts.length ? this.#parts.map((button) => button.dataset.region) : [FACE];
  #flagDialog = at("flag-dialog");
  #flagForm = at("flag-form");
  #commentDialog = at("comment-dialog");
  #commentForm = at("comment-form");
  #draft = begun("");
  // What was begun on the first unanswered image, while the rater looks back.
  #atHead = this.#draft;
  #clickedAt = 0;

  /** Where the image stays when it is answered (`session.stays`), marking a grade as unsure is a change at once. */
  constructor({ session }) {
    this.#session = session;
    session.addEventListener("show", () => this.#render());
    for (const button of this.#levels) this.#onClick(button, () => this.#grade(button));
    if (this.#parts.length) this.#onClick(at("unseen"), () => this.#leaveOut());
    this.#parts.forEach((button, place) => button.addEventListener("click", () => this.#ask(place)));
    at("unsure").addEventListener("click", () => this.#toggleUnsure());
    at("flag").addEventListener("click", () => this.#openFlag());
    at("comment").addEventListener("click", () => this.#openComment());
    this.#flagForm.addEventListener("change", () => this.#needWords());
    this.#flagForm.addEventListener("submit", (event) => this.#flag(event));
    this.#commentForm.addEventListener("submit", (event) => this.#comment(event));
    this.#commentForm.addEventListener("keydown", (event) => this.#enter(event));
    for (const form of [this.#flagForm, this.#commentForm]) {
      form.elements.comment.addEventListener("input", (event) => event.target.setCustomValidity(""));
    }
  }

  /** What keys do here, for label.js: `once` where a key that is held down must not count again. */
  get actions() {
    const levels = this.#levels.map((button) => ({
      name: `level-${button.dataset.value}`,
      keys: button.dataset.key ? [button.dataset.key] : [],
      act: () => this.#grade(button),
      once: true,
    }));
    const unseen = { name: "unseen", keys: ["x"], act: () => this.#leaveOut(), once: true };
    return [
      ...levels,
      ...(this.#parts.length ? [unseen] : []),
      { name: "unsure", keys: ["u"], act: () => this.#toggleUnsure(), once: true },
      { name: "flag", keys: ["f"], act: () => this.#openFlag(), once: true },
      { name: "comment", keys: ["c"], act: () => this.#openComment(), once: true },
      { name: "lower", keys: ["ArrowDown"], act: () => this.#moveFocus(1) },
      { name: "higher", keys: ["ArrowUp"], act: () => this.#moveFocus(-1) },
    ];
  }

  /** To the part before, on an image that is not answered yet; whether there was one. */
  back() {
    if (this.#session.reviewed || this.#session.view !== "grading" || this.#draft.asked === 0) return false;
    this.#ask(this.#draft.asked - 1);
    return true;
  }

  // --- Grades ---

  #onClick(button, act) {
    button.addEventListener("click", (event) => {
      const soon = event.timeStamp - this.#clickedAt < DOUBLE_CLICK_MS;
      this.#clickedAt = event.timeStamp;
      // The second half of a double click is not meant for the next image.
      if (event.detail <= 1 || (this.#parts.length && !soon)) act();
    });
  }

  #grade(button) {
    if (!this.#say({ level_value: Number(button.dataset.value), flag: "" })) return;
    // A short sign on the button that the grade was taken; the next image is there already.
    button.classList.remove("given");
    requestAnimationFrame(() => button.classList.add("given"));
  }

  /** The part that is asked can't be seen. */
  #leaveOut() {
    if (this.#draft.asked > 0) this.#say(UNSEEN);
  }

  /** Say this of the part that is asked; the last part sends the answer. False when nothing can be said now. */
  #say(what) {
    if (!this.#session.ready) return false;
    const { said, asked } = this.#draft;
    const before = said[this.#regions[asked]];
    const now = { ...said, [this.#regions[asked]]: what };
    const missing = this.#missingAfter(asked, now);
    // Looking back, the same grade again leads to the next part, and another one is a change.
    const changed = before?.level_value !== what.level_value || before.flag !== what.flag;
    const passesOn = this.#session.reviewed && !changed && asked < this.#regions.length - 1;
    if (missing === null && !passesOn) return this.#giveGrades(now);
    this.#draft.said = now;
    this.#ask(missing ?? asked + 1, nameOfPart(what));
    return true;
  }

  /** The first part from `place` on, and then from the first, of which nothing is said; null when there is none. */
  #missingAfter(place, said) {
    const places = this.#regions.map((_, step) => (place + step) % this.#regions.length);
    return places.find((one) => !said[this.#regions[one]]) ?? null;
  }

  /** Ask for the part at that place; `given` is what was said of the one before. */
  #ask(place, given) {
    if (this.#session.view !== "grading") return;
    const part = this.#nameAt(this.#draft.asked);
    this.#draft.asked = place;
    this.#render();
    const next = this.#nameAt(place);
    at("announcer").textContent = given ? words("partGiven", { part, answer: given, next }) : words("partAsked", { next });
  }

  #nameAt(place) {
    return this.#parts[place].querySelector(".part-name").textContent;
  }

  #giveGrades({ [FACE]: face, ...regions }) {
    const { unsure, comment } = this.#draft;
    return this.#session.give({ level: face.level_value, regions, unsure, comment });
  }

  // --- Beside the grade ---

  #toggleUnsure() {
    if (this.#session.view !== "grading") return;
    const given = this.#session.reviewed?.given;
    if (this.#session.stays && given && !given.flag) {
      this.#session.give({ ...given, level: given.level_value, unsure: !given.unsure });
    } else {
      this.#draft.unsure = !this.#draft.unsure;
      this.#render();
    }
  }

  #openComment() {
    if (this.#session.view !== "grading" || this.#commentDialog.open) return;
    const field = this.#commentForm.elements.comment;
    field.setCustomValidity("");
    field.value = this.#draft.comment;
    this.#commentDialog.showModal();
    field.focus();
  }

  #enter(event) {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.target.type !== "textarea") return;
    event.preventDefault();
    this.#commentForm.requestSubmit();
  }

  /** Beside a grade that is still to come, it waits for that; beside one that was given, it is a change. */
  #comment(event) {
    event.preventDefault();
    const field = this.#commentForm.elements.comment;
    const comment = field.value.trim();
    const given = this.#session.reviewed?.given;
    if (given?.flag === "other" && !comment) {
      ask(field, words("reasonNeeded"));
    } else if (!given) {
      this.#draft.comment = comment;
      this.#commentDialog.close();
      this.#render();
    } else if (this.#session.give({ ...given, level: given.level_value, unsure: !given.flag && this.#draft.unsure, comment })) {
      this.#commentDialog.close();
    }
  }

  // --- Not gradable ---

  #openFlag() {
    if (this.#session.view !== "grading" || this.#flagDialog.open) return;
    this.#flagForm.reset();
    this.#flagForm.elements.comment.value = this.#draft.comment;
    const reasons = [...this.#flagForm.elements.reason];
    const chosen = reasons.find((radio) => radio.value === this.#session.reviewed?.given.flag) ?? reasons[0];
    chosen.checked = true;
    this.#needWords();
    this.#flagDialog.showModal();
    chosen.focus();
  }

  #needWords() {
    this.#flagForm.elements.comment.required = this.#flagForm.elements.reason.value === "other";
  }

  #flag(event) {
    event.preventDefault();
    const { reason, comment } = this.#flagForm.elements;
    if (reason.value === "other" && !comment.value.trim()) ask(comment, words("reasonNeeded"));
    else if (this.#session.give({ flag: reason.value, comment: comment.value.trim() })) this.#flagDialog.close();
  }

  // --- What is seen of it ---

  #moveFocus(step) {
    const from = this.#levels.indexOf(document.activeElement);
    const to = from < 0 ? (step > 0 ? 0 : this.#levels.length - 1) : from + step;
    this.#levels[Math.min(Math.max(to, 0), this.#levels.length - 1)].focus();
  }

  /** The draft is that of the answer on the screen; another one begins with another image, or when the answer changed. */
  #follow() {
    const { token, reviewed } = this.#session;
    const of = JSON.stringify([token, reviewed?.given], (name, value) => (name === "version" ? undefined : value));
    if (of === this.#draft.of) return;
    // What is open was about another image, which may have been answered in another window.
    for (const dialog of [this.#flagDialog, this.#commentDialog]) dialog.close();
    if (!this.#draft.given) this.#atHead = this.#draft;
    if (reviewed) this.#draft = begun(of, reviewed.given);
    else this.#draft = this.#atHead.of === of ? this.#atHead : begun(of);
  }

  #render() {
    this.#follow();
    const { said, asked, unsure, comment } = this.#draft;
    const here = said[this.#regions[asked]];
    const disabled = this.#session.view !== "grading";
    for (const button of this.#levels) {
      button.setAttribute("aria-pressed", here?.level_value === Number(button.dataset.value));
      button.setAttribute("aria-disabled", disabled);
    }
    at("flag").setAttribute("aria-pressed", Boolean(this.#session.reviewed?.given.flag));
    at("unsure").setAttribute("aria-pressed", unsure);
    at("comment").setAttribute("aria-pressed", Boolean(comment));
    for (const id of TOOLS) at(id).setAttribute("aria-disabled", disabled);
    if (this.#parts.length) this.#renderParts(disabled);
  }

  #renderParts(disabled) {
    const { said, asked } = this.#draft;
    this.#parts.forEach((button, place) => {
      const what = said[button.dataset.region];
      button.setAttribute("aria-current", place === asked ? "step" : "false");
      button.setAttribute("aria-disabled", disabled);
      button.querySelector(".part-said").textContent = what ? nameOfPart(what) : "";
    });
    at("panel-title").textContent = this.#parts[asked].dataset.question;
    at("unseen").setAttribute("aria-pressed", said[this.#regions[asked]]?.flag === UNSEEN.flag);
    at("unseen").setAttribute("aria-disabled", disabled || asked === 0);
  }
}

/** What is chosen of an answer: as it was given, or nothing yet. `of` tells answers apart. */
function begun(of, given = null) {
  const { level_value: level = null, regions = {}, unsure = false, comment = "" } = given ?? {};
  const said = level === null ? {} : { [FACE]: { level_value: level, flag: "" }, ...regions };
  return { of, given, said, asked: 0, unsure, comment };
}

function nameOfPart(what) {
  return what.flag === UNSEEN.flag ? words("unseen") : nameOf(what);
}

function ask(field, sentence) {
  field.setCustomValidity(sentence);
  field.reportValidity();
}
