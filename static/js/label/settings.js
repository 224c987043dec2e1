// The settings: what stays from image to image, and which key does what.

import { at, nameOf, prefer, preference, words } from "./page.js";

const MODIFIERS = new Set(["Shift", "Control", "Alt", "AltGraph", "Meta", "CapsLock", "NumLock", "Fn", "OS"]);
// They press what has the focus, lead on to the next, close what is open, or belong to the browser.
const RESERVED = /^(Shift\+)?(Enter| |Tab|Escape|F\d+|Dead|Process|Unidentified|ContextMenu)$/;

export class Settings {
  #keys;
  #look;
  #dialog = at("settings-dialog");
  #list = at("key-list");
  // The name of the action that waits for its key.
  #waiting = null;

  constructor({ keys, look }) {
    this.#keys = keys;
    this.#look = look;
    for (const box of this.#dialog.querySelectorAll("[data-preference]")) {
      box.addEventListener("change", () => this.#prefer(box));
    }
    this.#list.addEventListener("click", ({ target }) => this.#clicked(target.closest("button")));
    at("keys-usual").addEventListener("click", () => this.#asUsual());
    // Before anybody else: while a key is awaited, it means nothing but itself.
    this.#dialog.addEventListener("keydown", (event) => this.#take(event), { capture: true });
    this.#dialog.addEventListener("close", () => this.#wait(null));
  }

  open() {
    for (const box of this.#dialog.querySelectorAll("[data-preference]")) {
      box.checked = preference(box.dataset.preference, box.dataset.standard === "true");
    }
    this.#wait(null);
    this.#dialog.showModal();
  }

  #prefer(box) {
    const { preference: name } = box.dataset;
    prefer(name, box.checked);
    if (name === "lightKept") prefer("light", box.checked ? this.#look.light : null);
  }

  #clicked(button) {
    const name = button?.dataset.of;
    if (!name) return;
    if (button.dataset.does === "usual") {
      this.#keys.change(name, null);
      this.#wait(null, words("keyIs", { action: titleOf(name), key: this.#shown(name) }), name);
    } else {
      this.#wait(this.#waiting === name ? null : name);
    }
  }

  #asUsual() {
    this.#keys.asUsual();
    this.#wait(null, words("keysUsual"));
  }

  #take(event) {
    if (!this.#waiting || MODIFIERS.has(event.key)) return;
    event.preventDefault();
    event.stopPropagation();
    const name = this.#waiting;
    const key = this.#keys.pressed(event);
    if (event.key === "Escape") this.#wait(null, words("keyHint"), name);
    else if (RESERVED.test(key) || event.ctrlKey || event.metaKey || event.altKey) this.#say(words("keyReserved"));
    else this.#change(name, key);
  }

  #change(name, key) {
    const other = this.#keys.actionOf(key);
    if (other && other.name !== name) {
      this.#say(words("keyTaken", { key: this.#keys.inWords(key), action: titleOf(other.name) }));
      return;
    }
    this.#keys.change(name, key);
    this.#wait(null, words("keyIs", { action: titleOf(name), key: this.#shown(name) }), name);
  }

  /** For a key for this action, or for none; `last` is the action whose row keeps the focus. */
  #wait(name, sentence = words("keyHint"), last = name) {
    this.#waiting = name;
    this.#render();
    this.#say(name ? words("keyAwaited", { action: titleOf(name) }) : sentence);
    this.#list.querySelector(`[data-of="${last}"]`)?.focus();
  }

  #say(sentence) {
    at("key-note").textContent = sentence;
  }

  #shown(name) {
    return this.#keys.of(name).map((key) => this.#keys.inWords(key)).join(", ") || words("keyNone");
  }

  #render() {
    this.#list.replaceChildren(...this.#keys.all.map((action) => this.#row(action)));
  }

  #row({ name, keys, chosen }) {
    const shown = keys.length ? keys.map((key) => made("kbd", { textContent: this.#keys.inWords(key) })) : [words("keyNone")];
    const waits = this.#waiting === name;
    const change = made("button", { type: "button", className: "button small", textContent: words(waits ? "keyPress" : "keyChange") });
    Object.assign(change.dataset, { of: name, does: "change" });
    change.setAttribute("aria-label", words("keyChangeOf", { action: titleOf(name), key: this.#shown(name) }));
    const parts = [made("span", { textContent: titleOf(name) }), made("span", { className: "key-now" }, shown), change];
    if (chosen) {
      const usual = made("button", { type: "button", className: "button small plain", textContent: words("keyUsual") });
      Object.assign(usual.dataset, { of: name, does: "usual" });
      usual.setAttribute("aria-label", words("keyUsualOf", { action: titleOf(name) }));
      parts.push(usual);
    }
    return made("li", {}, parts);
  }
}

function titleOf(name) {
  const [, value] = /^level-(.*)$/.exec(name) ?? [];
  return value === undefined ? words(`do${name[0].toUpperCase()}${name.slice(1)}`) : words("doGrade", { level: nameOf({ level_value: Number(value) }) });
}

function made(kind, properties, children = []) {
  const element = Object.assign(document.createElement(kind), properties);
  element.append(...children);
  return element;
}
