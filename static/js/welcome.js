// The welcome before a rater's first image: its practice. Nothing that is answered here leaves the page.

import { at, boot, nameOf, preference, words } from "./label/page.js";

const chosenKeys = preference("keys", {});
for (const sign of document.querySelectorAll("kbd[data-level]")) {
  sign.textContent = chosenKeys[`level-${sign.dataset.level}`] ?? sign.textContent;
}

class Practice {
  #items;
  #dialog = at("practice");
  #levels = [...this.#dialog.querySelectorAll(".level")];
  #place = 0;
  #same = 0;
  #answered = false;

  constructor(items) {
    this.#items = items;
    at("practise").addEventListener("click", () => this.#begin());
    at("again").addEventListener("click", () => this.#begin());
    at("leave").addEventListener("click", () => this.#dialog.close());
    at("next").addEventListener("click", () => this.#show(this.#place + 1));
    for (const button of this.#levels) {
      // The second half of a double click is not meant for anything.
      button.addEventListener("click", (event) => event.detail > 1 || this.#answer(button));
    }
    this.#dialog.addEventListener("keydown", (event) => this.#press(event));
  }

  #begin() {
    this.#same = 0;
    if (!this.#dialog.open) this.#dialog.showModal();
    this.#show(0);
  }

  #show(place) {
    this.#place = place;
    this.#answered = false;
    const item = this.#items[place];
    at("practice-end").hidden = Boolean(item);
    at("practice-picture").hidden = !item;
    this.#dialog.dataset.ended = !item;
    this.#say("", "");
    at("next").disabled = true;
    for (const button of this.#levels) {
      button.setAttribute("aria-pressed", "false");
      button.removeAttribute("aria-disabled");
      delete button.dataset.meant;
    }
    if (item) this.#ask(item);
    else this.#end();
  }

  #ask(item) {
    const told = words("practiceImage", { number: this.#place + 1, total: this.#items.length });
    at("practice-place").textContent = told;
    Object.assign(at("practice-picture"), { src: item.picture, alt: told });
    // The next one comes while this one is looked at.
    const next = this.#items[this.#place + 1];
    if (next) new Image().src = next.picture;
    at("practice-place").focus();
  }

  #end() {
    const told = words("practiceResult", { same: this.#same, total: this.#items.length });
    at("practice-place").textContent = words("practiceDone");
    at("practice-result").textContent = told;
    at("practised").textContent = told;
    at("practice-place").focus();
  }

  #answer(button) {
    const item = this.#items[this.#place];
    if (this.#answered || !item) return;
    this.#answered = true;
    const value = Number(button.dataset.value);
    const [chosen, meant] = [value, item.value].map((level_value) => nameOf({ level_value, flag: "", unsure: false }));
    this.#same += value === item.value;
    button.setAttribute("aria-pressed", "true");
    for (const level of this.#levels) {
      level.setAttribute("aria-disabled", "true");
      if (Number(level.dataset.value) === item.value) level.dataset.meant = "true";
    }
    this.#say(words(value === item.value ? "practiceSame" : "practiceOther", { chosen, meant }), item.remark);
    at("next").disabled = false;
    at("next").focus();
  }

  #say(sentence, remark) {
    at("practice-said").textContent = sentence;
    at("practice-remark").textContent = remark;
  }

  #press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    const key = event.key.toLowerCase();
    const level = this.#levels.find((button) => this.#keyOf(button) === key);
    if (level) this.#answer(level);
    else if (event.key === "ArrowDown" || event.key === "ArrowUp") this.#moveFocus(event.key === "ArrowDown" ? 1 : -1);
    else if (event.key === "ArrowRight") at("next").click();
    else return;
    event.preventDefault();
  }

  #keyOf({ dataset }) {
    return (chosenKeys[`level-${dataset.value}`] ?? dataset.key).toLowerCase();
  }

  #moveFocus(step) {
    const now = this.#levels.indexOf(document.activeElement);
    const next = now < 0 ? (step > 0 ? 0 : this.#levels.length - 1) : now + step;
    this.#levels[Math.min(Math.max(next, 0), this.#levels.length - 1)].focus();
  }
}

if (boot.practice.length) new Practice(boot.practice);
