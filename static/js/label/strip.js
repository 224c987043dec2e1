// The last answered images as a strip of small pictures, each a way back to it.

import { at, boot, made, nameOf, words } from "./page.js";

// Rendered after the image on the screen, which comes first.
const AFTER_MS = 40;
const signs = new Map(boot.levels.map((level) => [level.value, level.key || String(level.value)]));

export class Strip {
  #session;
  #stage;
  #list = at("strip-list");
  #entries = new Map();
  #timer = null;

  constructor({ session, stage }) {
    this.#session = session;
    this.#stage = stage;
    session.addEventListener("show", () => this.#soon());
    stage.addEventListener("loaded", () => this.#soon());
    this.#render();
    session.recall();
  }

  #soon() {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.#render();
    }, AFTER_MS);
  }

  #render() {
    const { recent, reviewed } = this.#session;
    const tokens = new Set(recent.map(({ token }) => token));
    for (const [token, { place }] of this.#entries) {
      if (tokens.has(token)) continue;
      place.remove();
      this.#entries.delete(token);
    }
    for (const [index, item] of recent.entries()) this.#tell(this.#entry(item.token, index), item, item === reviewed);
    const current = reviewed ? this.#entries.get(reviewed.token)?.place : this.#list.lastElementChild;
    current?.scrollIntoView({ block: "nearest" });
  }

  /** What stays keeps its place in the page, and with it the focus. */
  #entry(token, index) {
    if (!this.#entries.has(token)) this.#entries.set(token, this.#made(token));
    const entry = this.#entries.get(token);
    const there = this.#list.children[index] ?? null;
    if (there !== entry.place) this.#list.insertBefore(entry.place, there);
    return entry;
  }

  #made(token) {
    const picture = made("img", { alt: "", decoding: "async", draggable: false });
    const grade = made("span", { className: "strip-grade" });
    grade.setAttribute("aria-hidden", "true");
    const button = made("button", { type: "button", className: "strip-item" }, [picture, grade]);
    button.addEventListener("click", () => this.#session.goTo(token));
    return { place: made("li", {}, [button]), button, picture, grade };
  }

  #tell({ button, picture, grade }, { token, number, given }, current) {
    const name = words("last", { number, answer: nameOf(given) });
    button.setAttribute("aria-label", name);
    button.title = name;
    if (current) button.setAttribute("aria-current", "true");
    else button.removeAttribute("aria-current");
    grade.textContent = (given.flag ? "✕" : (signs.get(given.level_value) ?? "")) + (given.unsure ? "?" : "");
    // From memory alone: a small picture must not hold up a large one.
    const address = this.#stage.inMemory(token);
    if (address && !picture.hasAttribute("src")) picture.src = address;
  }
}
