// The grid: a group for each grade, a tile for each image.

import { at, boot, nameOf, words } from "../label/page.js";
import { keyOf } from "./grades.js";

const MOST_PICKED = 4;

/** Events: "open" with {item}, "picked" when `picked` changed, "say" with a sentence. */
export class Grid extends EventTarget {
  // Items that are chosen to be compared, in the order in which they were.
  picked = [];
  #grades;
  #url;
  #sections = new Map();
  #tiles = new Map();
  // The one tile that Tab leads to.
  #current = null;

  constructor({ grades, url }) {
    super();
    this.#grades = grades;
    this.#url = url;
    for (const group of grades.groups.values()) this.#addSection(group);
    grades.addEventListener("moved", ({ detail }) => this.#moved(detail));
    grades.addEventListener("told", ({ detail }) => this.#mark(detail.item));
    grades.addEventListener("more", ({ detail }) => this.#added(detail));
    at("groups").addEventListener("click", (event) => this.#clicked(event));
    at("groups").addEventListener("focusin", (event) => this.#focused(event.target.closest(".mine-tile")));
    at("groups").addEventListener("keydown", (event) => this.#keyed(event));
    this.#setCurrent(document.querySelector(".mine-tile"));
  }

  /** Focus the item's tile. */
  focus(item) {
    const tile = this.#tiles.get(item.token)?.querySelector(".mine-tile");
    tile?.focus({ preventScroll: true });
    tile?.scrollIntoView({ block: "nearest" });
  }

  clearPicked() {
    for (const item of this.picked.splice(0)) this.#mark(item);
    this.dispatchEvent(new Event("picked"));
  }

  // --- Groups ---

  #addSection(group) {
    const section = at("group").content.firstElementChild.cloneNode(true);
    const title = section.querySelector("h2");
    title.id = `group-${group.key}`;
    section.setAttribute("aria-labelledby", title.id);
    section.querySelector(".mine-name").textContent = nameOfGroup(group.key);
    section.querySelector(".mine-more").addEventListener("click", () => this.#more(group));
    section.querySelector(".mine-grid").append(...group.items.map((item) => this.#makeTile(item)));
    this.#sections.set(group.key, section);
    at("groups").append(section);
    this.#renderSection(group);
  }

  #renderSection(group) {
    const section = this.#sections.get(group.key);
    section.hidden = group.items.length === 0;
    section.querySelector(".mine-count").textContent = group.count ?? "";
    section.querySelector(".mine-more").hidden = !this.#grades.hasMore(group);
    at("empty").hidden = [...this.#grades.groups.values()].some(({ items }) => items.length);
  }

  async #more(group) {
    const button = this.#sections.get(group.key).querySelector(".mine-more");
    if (button.ariaDisabled === "true") return;
    button.ariaDisabled = "true";
    try {
      await this.#grades.more(group);
    } catch (error) {
      console.warn(error);
      this.#say(words("mineUnavailable"));
    } finally {
      button.ariaDisabled = "false";
    }
  }

  #added({ group, fresh }) {
    const hadFocus = document.activeElement === this.#sections.get(group.key).querySelector(".mine-more");
    for (const item of fresh) this.#place(this.#makeTile(item), group);
    this.#renderSection(group);
    if (hadFocus && fresh.length) this.focus(fresh[0]);
  }

  #moved({ item, was }) {
    const [before, after] = [keyOf(was), keyOf(item.given)];
    this.#mark(item);
    if (before === after) return;
    const tile = this.#tiles.get(item.token);
    const hadFocus = tile.contains(document.activeElement);
    for (const key of [before, after]) this.#renderSection(this.#grades.groups.get(key));
    this.#place(tile, this.#grades.groups.get(after));
    if (hadFocus) this.focus(item);
    tile.classList.remove("moved");
    requestAnimationFrame(() => tile.classList.add("moved"));
  }

  #place(tile, { key, items }) {
    const after = items[items.findIndex(({ token }) => token === tile.dataset.token) + 1];
    this.#sections.get(key).querySelector(".mine-grid").insertBefore(tile, this.#tiles.get(after?.token) ?? null);
  }

  // --- Tiles ---

  #makeTile(item) {
    const tile = at("tile").content.firstElementChild.cloneNode(true);
    tile.dataset.token = item.token;
    tile.querySelector("img").src = this.#url(item.token);
    tile.querySelector(".mine-pick").setAttribute("aria-label", words("minePick", { number: item.number }));
    this.#tiles.set(item.token, tile);
    this.#mark(item);
    return tile;
  }

  /** What is said on a tile. */
  #mark(item) {
    const tile = this.#tiles.get(item.token);
    const { given, number, twice } = item;
    tile.querySelector("img").alt = words("last", { number, answer: nameOf(given) });
    tile.querySelector(".mine-number").textContent = number;
    const marks = [
      given.flag && ["flag", boot.reasons[given.flag]],
      given.unsure && ["unsure", words("mineUnsure")],
      twice && ["twice", words("mineTwice")],
      given.version > 1 && ["changed", words("mineChanged", { count: given.version - 1 })],
      given.comment && ["comment", given.comment],
    ].filter(Boolean);
    tile.querySelector(".mine-marks").replaceChildren(...marks.map(([kind, text]) => mark(kind, text)));
    tile.querySelector(".mine-pick").setAttribute("aria-pressed", this.picked.includes(item));
  }

  #itemOf(element) {
    return this.#grades.item(element?.closest(".mine-item")?.dataset.token);
  }

  #clicked({ target }) {
    const item = this.#itemOf(target);
    if (!item) return;
    if (target.closest(".mine-pick")) this.#pick(item);
    else if (target.closest(".mine-tile")) this.dispatchEvent(new CustomEvent("open", { detail: { item } }));
  }

  #pick(item) {
    const place = this.picked.indexOf(item);
    if (place >= 0) this.picked.splice(place, 1);
    else if (this.picked.length < MOST_PICKED) this.picked.push(item);
    else this.#say(words("minePickedMost", { count: MOST_PICKED }));
    this.#mark(item);
    this.dispatchEvent(new Event("picked"));
  }

  // --- Keys ---

  #focused(tile) {
    if (tile) this.#setCurrent(tile);
  }

  #setCurrent(tile) {
    this.#current?.setAttribute("tabindex", "-1");
    this.#current = tile;
    tile?.setAttribute("tabindex", "0");
  }

  #keyed(event) {
    const tile = event.target.closest(".mine-tile");
    if (!tile || event.ctrlKey || event.metaKey || event.altKey) return;
    const all = [...at("groups").querySelectorAll(".mine-tile")];
    const from = all.indexOf(tile);
    const to = {
      ArrowRight: () => all[from + 1],
      ArrowLeft: () => all[from - 1],
      ArrowDown: () => inRow(all, from, 1),
      ArrowUp: () => inRow(all, from, -1),
      Home: () => all[0],
      End: () => all.at(-1),
    }[event.key];
    if (to) to()?.focus();
    else if (event.key.toLowerCase() === "c") this.#pick(this.#itemOf(tile));
    else return;
    event.preventDefault();
  }

  #say(sentence) {
    this.dispatchEvent(new CustomEvent("say", { detail: sentence }));
  }
}

export function nameOfGroup(key) {
  return boot.levels.find(({ value }) => String(value) === key)?.name ?? words("mineNotGradable");
}

/** The tile of the next row (1) or the one before (-1) that lies nearest, whatever group it is in. */
function inRow(all, from, step) {
  const { top, left } = all[from].getBoundingClientRect();
  const row = [];
  let rowTop = null;
  for (let place = from + step; all[place]; place += step) {
    const box = all[place].getBoundingClientRect();
    if (Math.abs(box.top - top) < 2) continue;
    if (rowTop !== null && Math.abs(box.top - rowTop) >= 2) break;
    rowTop = box.top;
    row.push({ tile: all[place], away: Math.abs(box.left - left) });
  }
  return row.sort((one, other) => one.away - other.away)[0]?.tile;
}

function mark(kind, text) {
  // The image's name says that it was flagged, or unsure.
  const ariaHidden = kind === "flag" || kind === "unsure";
  return Object.assign(document.createElement("span"), { className: `mine-mark ${kind}`, textContent: text, ariaHidden });
}
