// The labelling page: makes its parts, and joins them to keys, buttons and dialogs.

import { Choice } from "./label/choice.js";
import { Look } from "./label/look.js";
import { Outbox } from "./label/outbox.js";
import { at, boot, prefer, preference, words } from "./label/page.js";
import { Stage } from "./label/pictures.js";
import { Ahead, Refused, Server } from "./label/server.js";
import { Session } from "./label/session.js";
import { View } from "./label/view.js";

// As in label.css: on a smaller window the scale lies over the image, and does not open unasked.
const WIDE = "(min-width: 60rem) and (min-height: 32.01rem)";

const server = new Server(boot.urls, boot.window);
const outbox = new Outbox(server, boot.owner);
const stage = new Stage(at("stage"), (token) => server.imageUrl(token));
const look = new Look({ stage });
const ahead = new Ahead({ server, outbox, size: boot.size });
const session = new Session({ server, outbox, stage, ahead });
const view = new View({ session, outbox, stage, look });
const choice = new Choice({ session });

// --- Keys ---

const SIGNS = { ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", "-": "−" };

/**
 * Which key does what. Where two want the same one, a grade comes before all else, and the rater's choice before what
 * is usual: so whatever keys a study's scale has, they grade, and the page's own give way.
 */
class Keys {
  #actions;
  #byKey = new Map();

  constructor(actions) {
    this.#actions = actions;
    this.#join();
  }

  /** [{name, keys, chosen}]: what does it now, and whether the rater chose that. */
  get all() {
    const chosen = preference("keys", {});
    return this.#actions.map(({ name }) => ({ name, keys: this.of(name), chosen: Boolean(chosen[name]) }));
  }

  of(name) {
    return [...this.#byKey].filter(([, action]) => action.name === name).map(([key]) => key);
  }

  actionOf(key) {
    return this.#byKey.get(key);
  }

  /** From now on `key` does it and no other; null for what is usual. */
  change(name, key) {
    prefer("keys", { ...preference("keys", {}), [name]: key });
    this.#join();
  }

  asUsual() {
    prefer("keys", null);
    this.#join();
  }

  /** The key of an event: what it writes, and Shift where that does not show in it. */
  pressed({ key, shiftKey }) {
    const letter = key.length === 1 && key.toLowerCase() !== key.toUpperCase();
    return (shiftKey && (letter || key.length > 1) ? "Shift+" : "") + plain(key);
  }

  /** Where digits need Shift, or letters are not Latin: what the key writes on other keyboards. */
  inPlace({ key, code, shiftKey }) {
    const [, what, sign] = /^(Digit|Key)(.)$/.exec(code) ?? [];
    const foreign = key.length === 1 && key.charCodeAt(0) > 127;
    return !shiftKey && (what === "Digit" || (what && foreign)) ? plain(sign) : "";
  }

  inWords(key) {
    if (key.startsWith("Shift+")) return words("withShift", { key: this.inWords(key.slice("Shift+".length)) });
    return SIGNS[key] ?? (key.length === 1 ? key.toUpperCase() : key);
  }

  #join() {
    const chosen = preference("keys", {});
    const rank = ({ name }) => (name.startsWith("level-") ? 0 : 2) + (chosen[name] ? 0 : 1);
    this.#byKey.clear();
    for (const action of this.#actions.toSorted((one, other) => rank(one) - rank(other))) {
      for (const key of chosen[action.name] ? [chosen[action.name]] : action.keys) {
        if (!this.#byKey.has(plain(key))) this.#byKey.set(plain(key), action);
      }
    }
    for (const element of document.querySelectorAll("[data-keys]")) this.#hint(element, this.of(element.dataset.keys));
  }

  /** A button tells its keys, a <kbd> is the first of them, any other element lists them. */
  #hint(element, keys) {
    const names = keys.map((key) => this.inWords(key));
    if (element.matches("button")) {
      element.setAttribute("aria-keyshortcuts", keys.map((key) => key.replace(/\+$/, "Plus")).join(" "));
      const name = element.getAttribute("aria-label");
      if (name) element.title = names.length ? words("withKey", { name, key: names[0] }) : name;
    }
    const first = element.matches("kbd") ? element : element.querySelector("kbd");
    if (element.matches("button, kbd")) {
      if (first) Object.assign(first, { textContent: names[0] ?? "", hidden: !names.length });
    } else {
      element.replaceChildren(...names.flatMap((name) => [kbd(name), " "]));
    }
  }
}

function plain(key) {
  return key.length === 1 ? key.toLowerCase() : key;
}

function kbd(name) {
  return Object.assign(document.createElement("kbd"), { textContent: name });
}

// --- Parts that most images do without: fetched when first used ---

const makers = {
  light: async () => new (await import("./label/light.js")).LightPanel({ look }),
  reference: async () => new (await import("./label/reference.js")).Reference({ look }),
  settings: async () => new (await import("./label/settings.js")).Settings({ keys, look }),
};
const made = {};

async function withPart(name, act) {
  made[name] ??= makers[name]();
  try {
    await made[name];
  } catch (error) {
    console.warn(error);
    delete made[name];
    view.notify(words("partMissing"));
    return;
  }
  act(await made[name]);
}

// --- Parts that nobody asks for: made when it is time; without a connection, the next time ---

function whenTime(happens, isTime, make) {
  async function tried() {
    if (!isTime()) return;
    session.removeEventListener(happens, tried);
    try {
      await make();
    } catch (error) {
      console.warn(error);
      session.addEventListener(happens, tried);
    }
  }
  session.addEventListener(happens, tried);
}

const isFinished = () => session.view === "finished" && session.total > 0;
whenTime("answered", () => true, async () => new (await import("./label/pace.js")).Pace({ session }));
whenTime("show", isFinished, async () => new (await import("./label/finished.js")).Finished({ session, outbox, server }));

// --- What keys and buttons do ---

const own = [
  { name: "back", keys: ["ArrowLeft", "Backspace"], act: () => choice.back() || session.back() },
  { name: "forward", keys: ["ArrowRight"], act: () => session.forward() },
  // By a key (or by Enter on the button), the keyboard goes on there.
  { name: "light", keys: ["l"], act: (event) => withPart("light", (light) => light.toggle(!event?.detail)), once: true },
  { name: "reference", keys: ["r"], act: () => withPart("reference", (reference) => reference.toggle()), once: true },
  { name: "strip", keys: ["p"], act: () => view.toggleStrip(), once: true },
  { name: "settings", keys: ["k"], act: () => withPart("settings", (settings) => settings.open()), once: true },
  { name: "help", keys: ["?"], act: () => at("help-dialog").showModal(), once: true },
];
for (const { name, act } of [...look.actions, ...own]) {
  for (const button of document.querySelectorAll(`button[data-keys="${name}"]`)) button.addEventListener("click", act);
}
at("leave-out").addEventListener("click", () => session.leaveOut());
const keys = new Keys([...choice.actions, ...own, ...look.actions]);

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (isFieldsOwn(event)) return;
  const action = keys.actionOf(keys.pressed(event)) ?? keys.actionOf(keys.inPlace(event));
  // A key that is held down grades one image, not all of them.
  if (event.repeat && (action?.once || event.key === "Enter" || event.key === " ")) event.preventDefault();
  else if (action) {
    event.preventDefault();
    action.act();
  }
});

/** What is typed there is no grade; but a slider takes no more than what moves it, and a field that has just closed nothing. */
function isFieldsOwn({ target, key }) {
  if (!target.matches("input, select, textarea") || !target.getClientRects().length) return false;
  return target.type !== "range" || key.length > 1;
}

// --- Dialogs ---

for (const button of document.querySelectorAll("[data-closes]")) {
  button.addEventListener("click", () => at(button.dataset.closes).close());
}
// The browser closes a dialog a moment after Escape, and a key pressed in that moment would be lost; so it closes here.
for (const dialog of document.querySelectorAll("dialog")) {
  dialog.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.preventDefault();
    dialog.close();
  });
}

// --- The world around ---

ahead.addEventListener("failed", ({ detail }) => {
  if (detail instanceof Refused) view.refuse(detail.refusal);
});
ahead.addEventListener("found", () => view.refuse(null));

function wake() {
  outbox.nudge();
  ahead.refresh();
}
window.addEventListener("online", wake);
window.addEventListener("focus", wake);
// Brought back as it was left, the page would tell of grades that may have been changed since.
window.addEventListener("pageshow", (event) => event.persisted && navigator.onLine && location.reload());
document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && wake());
window.addEventListener("beforeunload", (event) => outbox.atRisk && event.preventDefault());

// Before the first image, which would move.
if (preference("reference", false) && matchMedia(WIDE).matches) {
  at("reference").hidden = false;
  withPart("reference", () => null);
}
ahead.take(boot.window);
session.start(boot.window);
