// Images side by side: the same light, and zoomed alike, each about the point that the pointer is at in it.

import { at, nameOf, words } from "../label/page.js";
import { Stage } from "../label/pictures.js";

const MOST_ZOOM = 8;
const ZOOM_STEP = 1.25;
const CLOSE = 2.5;

/** Event: "chosen" with the place of the image whose answer keys shall change. */
export class Comparison extends EventTarget {
  #url;
  #frames = [];
  #light = {};
  #zoom = 1;
  #largest = 1;

  constructor({ url }) {
    super();
    this.#url = url;
  }

  /** {brightness, contrast} in per cent, the same for all. */
  set light(light) {
    this.#light = light;
    this.#paint();
  }

  show(items) {
    this.clear();
    this.#frames = items.map((item, place) => this.#frame(item, place));
    at("comparison").dataset.count = items.length;
    at("comparison").replaceChildren(...this.#frames.map(({ element }) => element));
    this.#frames.forEach(({ stage }, place) => stage.show(items[place].token, words("mineImage", { number: items[place].number })));
    this.#paint();
  }

  clear() {
    this.#frames = [];
    this.#zoom = 1;
    this.#largest = 1;
    at("comparison").replaceChildren();
  }

  stageAt(place) {
    return this.#frames[place].stage;
  }

  /** Nearer (1), further (-1), or fitted (0). */
  zoom(step) {
    this.#zoomTo(step === 0 ? 1 : this.#zoom * ZOOM_STEP ** step);
  }

  /** Says under each image how it is graded, and which one is chosen. */
  render(items, chosen) {
    this.#frames.forEach(({ element }, place) => {
      const { number, given } = items[place];
      const name = element.querySelector(".frame-name");
      name.textContent = words("last", { number, answer: nameOf(given) });
      name.setAttribute("aria-pressed", place === chosen);
    });
  }

  #frame(item, place) {
    const element = at("frame").content.firstElementChild.cloneNode(true);
    const box = element.querySelector(".stage");
    const stage = new Stage(box, this.#url);
    stage.look = { viewing: () => this.#viewing() };
    element.addEventListener("click", () => this.dispatchEvent(new CustomEvent("chosen", { detail: place })));
    box.addEventListener("dblclick", () => this.#zoomTo(this.#zoom > 1 ? 1 : CLOSE));
    box.addEventListener("pointermove", (event) => aim(box, event));
    return { element, stage };
  }

  #zoomTo(zoom) {
    this.#zoom = Math.min(Math.max(zoom, 1), MOST_ZOOM);
    this.#largest = Math.max(this.#largest, this.#zoom);
    this.#paint();
  }

  #paint() {
    const { brightness, contrast } = this.#light;
    for (const { stage } of this.#frames) {
      stage.current.element.style.transform = this.#zoom > 1 ? `scale(${this.#zoom})` : "";
      stage.current.element.style.filter = `brightness(${brightness}%) contrast(${contrast}%)`;
    }
  }

  #viewing() {
    const { width, height } = window.screen;
    return { screen_width: width, screen_height: height, zoom: Math.round(this.#largest * 100) / 100, ...this.#light };
  }
}

/** What the pointer is at stays where it is. */
function aim(box, { clientX, clientY }) {
  const { left, top, width, height } = box.getBoundingClientRect();
  const picture = box.querySelector(".picture.shown");
  if (picture) picture.style.transformOrigin = `${((clientX - left) / width) * 100}% ${((clientY - top) / height) * 100}%`;
}
