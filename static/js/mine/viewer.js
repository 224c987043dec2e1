// One image of the grid enlarged, or two to four side by side; their answers can be changed there.

import { at, nameOf, words } from "../label/page.js";
import { Stage } from "../label/pictures.js";
import { nameOfGroup } from "./grid.js";
import { keyOf } from "./grades.js";
import { Comparison } from "./comparison.js";

// Images before and after the one on the screen that lie ready.
const READY = 2;
// Of the images known, so many before the last one the server is asked for more.
const ASK_BEFORE = 4;

/**
 * To Choice, this is the session: `view`, `ready`, `token`, `reviewed`, `give` and the event "show"; an image stays on
 * the screen when its answer is changed. Event: "closed" with {item}, the one that was looked at last.
 */
export class Viewer extends EventTarget {
  view = "finished"; // grading | finished
  stays = true;
  stage;
  #grades;
  #comparison;
  #comparing = false;
  #group = null;
  #items = [];
  #place = 0;
  #element = at("viewer");

  constructor({ grades, url }) {
    super();
    this.#grades = grades;
    this.stage = new Stage(at("stage"), url);
    this.#comparison = new Comparison({ url });
    this.#comparison.addEventListener("chosen", ({ detail }) => this.#go(detail));
    grades.addEventListener("moved", ({ detail }) => this.#changed(detail.item));
    grades.addEventListener("told", ({ detail }) => this.#changed(detail.item));
    grades.addEventListener("more", ({ detail }) => this.#more(detail));
  }

  get isOpen() {
    return this.view === "grading";
  }

  get reviewed() {
    return this.isOpen ? this.#items[this.#place] : null;
  }

  get token() {
    return this.reviewed?.token ?? null;
  }

  get ready() {
    return this.isOpen && this.#stage.current?.paintedAt != null;
  }

  /** The stage of the image whose answer the keys change. */
  get #stage() {
    return this.#comparing ? this.#comparison.stageAt(this.#place) : this.stage;
  }

  /** How the image was seen, for an answer. */
  get seen() {
    const { paintedAt, shownAt } = this.#stage.current;
    const decide_ms = Math.round(performance.now() - paintedAt);
    return { shown_at: shownAt.toISOString(), decide_ms, viewing: this.#stage.viewing() };
  }

  /** Enlarge one of a group; arrows lead to the others, which stay where they are while this is open. */
  open(item) {
    this.#comparing = false;
    this.#group = this.#grades.groupOf(item);
    this.#items = [...this.#group.items];
    this.#show(this.#items.indexOf(item));
  }

  compare(items) {
    this.#comparing = true;
    this.#group = null;
    this.#items = [...items];
    this.#comparison.show(items);
    this.#show(0);
  }

  close() {
    if (!this.isOpen) return;
    const item = this.reviewed;
    this.view = "finished";
    this.#element.hidden = true;
    this.stage.clear();
    this.#comparison.clear();
    this.#dispatch("show");
    this.#dispatch("closed", { item });
  }

  go(step) {
    this.#go(this.#place + step);
  }

  zoom(step) {
    this.#comparison.zoom(step);
  }

  get comparing() {
    return this.#comparing;
  }

  set light(light) {
    this.#comparison.light = light;
  }

  /** Change the answer of the image on the screen; false when the rater has not seen it yet. */
  give({ level = null, flag = "", comment = "", unsure = false, regions = {} }) {
    if (!this.ready) return false;
    this.#grades.change(this.reviewed, { level_value: level, flag, comment, unsure, regions }, this.seen);
    return true;
  }

  #go(place) {
    if (this.isOpen && this.#items[place]) this.#show(place);
  }

  #show(place) {
    this.#place = place;
    this.view = "grading";
    this.#element.hidden = false;
    at("stage").hidden = this.#comparing;
    at("comparison").hidden = !this.#comparing;
    at("viewer-steps").hidden = this.#comparing;
    if (!this.#comparing) {
      const { token, number } = this.reviewed;
      this.stage.show(token, words("mineImage", { number }));
      this.stage.prepare([token, ...this.#around(1), ...this.#around(-1)]);
      if (place >= this.#items.length - ASK_BEFORE && this.#grades.hasMore(this.#group)) this.#askForMore();
    }
    this.#render();
  }

  #around(step) {
    const places = Array.from({ length: READY }, (_, index) => this.#place + step * (index + 1));
    return places.flatMap((place) => this.#items[place]?.token ?? []);
  }

  async #askForMore() {
    try {
      await this.#grades.more(this.#group);
    } catch (error) {
      // What is known can be leafed through all the same; the button in the grid says that more can't be had.
      console.warn(error);
    }
  }

  #more({ group, fresh }) {
    if (!this.isOpen || group !== this.#group) return;
    this.#items.push(...fresh);
    this.#render();
  }

  #changed(item) {
    if (this.isOpen && this.#items.includes(item)) this.#render();
  }

  #render() {
    const { number, given } = this.reviewed;
    const [place, count] = [this.#place + 1, this.#items.length];
    const group = this.#group && nameOfGroup(this.#group.key);
    at("viewer-title").textContent = group ? words("minePlace", { group, place, count }) : words("mineCompared", { count });
    const said = [words("last", { number, answer: nameOf(given) }), given.comment && words("mineSaid", { comment: given.comment })];
    at("viewer-said").textContent = said.filter(Boolean).join(" · ");
    this.#element.dataset.moved = this.#group !== null && keyOf(given) !== this.#group.key;
    at("viewer-back").setAttribute("aria-disabled", place === 1);
    at("viewer-forward").setAttribute("aria-disabled", place === count);
    if (this.#comparing) this.#comparison.render(this.#items, this.#place);
    this.#dispatch("show");
  }

  #dispatch(type, detail = null) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
