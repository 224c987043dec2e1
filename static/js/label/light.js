// Brightness and contrast by sliders, in a small panel beside the picture.

import { LIGHT } from "./look.js";
import { at, words } from "./page.js";

export class LightPanel {
  #look;
  #panel = at("light");
  #button = at("light-open");

  constructor({ look }) {
    this.#look = look;
    look.addEventListener("light", () => this.#render());
    for (const slider of this.#sliders) {
      slider.addEventListener("input", () => look.setLight({ [slider.name]: Number(slider.value) }));
      // After the mouse, keys are meant for grades again; who came by keyboard stays on the slider.
      slider.addEventListener("pointerup", () => slider.blur());
    }
    at("light-reset").addEventListener("click", () => look.setLight(LIGHT));
    document.addEventListener("keydown", (event) => event.key === "Escape" && this.close());
    document.addEventListener("pointerdown", ({ target }) => {
      if (!this.#panel.contains(target) && !this.#button.contains(target)) this.close();
    });
    this.#render();
  }

  get #sliders() {
    return [...this.#panel.querySelectorAll("input[type=range]")];
  }

  /** Who comes by keyboard goes on to the first slider. */
  toggle(byKeyboard) {
    if (!this.#panel.hidden) {
      this.close();
      return;
    }
    this.#panel.hidden = false;
    this.#button.setAttribute("aria-expanded", true);
    if (byKeyboard) this.#sliders[0].focus();
  }

  close() {
    if (this.#panel.hidden) return;
    const inside = this.#panel.contains(document.activeElement);
    this.#panel.hidden = true;
    this.#button.setAttribute("aria-expanded", false);
    if (inside) this.#button.focus();
  }

  #render() {
    for (const slider of this.#sliders) {
      const number = this.#look.light[slider.name];
      slider.value = number;
      slider.setAttribute("aria-valuetext", words("percent", { number }));
      at(`light-${slider.name}`).textContent = words("percent", { number });
    }
  }
}
