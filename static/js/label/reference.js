// The scale beside the image: example pictures, fetched when it is first opened.

import { at, boot, prefer, words } from "./page.js";

export class Reference {
  #look;
  #panel = at("reference");
  #button = at("reference-open");

  constructor({ look }) {
    this.#look = look;
    this.#addExamples();
    at("reference-close").addEventListener("click", () => this.toggle());
    this.#panel.addEventListener("keydown", (event) => event.key === "Escape" && this.toggle());
    this.#button.setAttribute("aria-expanded", !this.#panel.hidden);
  }

  /** While it is open, keys and buttons still grade. */
  toggle() {
    const inside = this.#panel.contains(document.activeElement);
    const open = this.#panel.hidden;
    this.#look.refit(() => {
      this.#panel.hidden = !open;
    });
    this.#button.setAttribute("aria-expanded", open);
    if (inside) this.#button.focus();
    prefer("reference", open);
  }

  #addExamples() {
    for (const [place, item] of [...this.#panel.querySelectorAll("li")].entries()) {
      const { example, name } = boot.levels[place];
      if (!example) continue;
      const picture = new Image();
      picture.alt = words("example", { level: name });
      picture.decoding = "async";
      picture.src = example;
      item.append(picture);
    }
  }
}
