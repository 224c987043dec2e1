// "My grades": makes its parts, and joins them to keys and buttons.

import { Choice } from "./label/choice.js";
import { LightPanel } from "./label/light.js";
import { Look } from "./label/look.js";
import { Outbox } from "./label/outbox.js";
import { at, boot, nameOf, preference, words } from "./label/page.js";
import { Server } from "./label/server.js";
import { Saving } from "./label/view.js";
import { Grades, keyOf } from "./mine/grades.js";
import { Grid } from "./mine/grid.js";
import { Viewer } from "./mine/viewer.js";

const NOTICE_MS = 12_000;

const server = new Server(boot.urls, boot.window);
const outbox = new Outbox(server, boot.owner);
const url = (token) => server.imageUrl(token);
const grades = new Grades({ groups: boot.groups, levels: boot.levels, asked: boot.mine, outbox, server });
const grid = new Grid({ grades, url });
const viewer = new Viewer({ grades, url });
const look = new Look({ stage: viewer.stage });
const light = new LightPanel({ look });
const choice = new Choice({ session: viewer });
new Saving({ outbox, say });

// --- What is said ---

let closing = null;

/** For a screen reader. */
function say(sentence) {
  at("announcer").textContent = sentence;
}

/** For everybody, for a while. */
function notify(sentence, { undo = false } = {}) {
  at("notice-text").textContent = sentence;
  at("undo").hidden = !undo;
  at("notice").hidden = !sentence;
  clearTimeout(closing);
  // Who is about to press Undo has the time that it takes.
  closing = setTimeout(() => (at("notice").matches(":hover, :focus-within") ? notify(sentence, { undo }) : notify("")), NOTICE_MS);
}

grades.addEventListener("moved", ({ detail: { item, was } }) => {
  notify(words("mineNow", { number: item.number, answer: nameOf(item.given) }), { undo: grades.canUndo(item) });
  for (const kind of kindsOf(was)) count(kind, -1);
  for (const kind of kindsOf(item.given)) count(kind, 1);
});
grades.addEventListener("stale", ({ detail }) => notify(detail, { undo: true }));
outbox.addEventListener("keeps", () => notify(outbox.keeps ? "" : words("unkept")));
grid.addEventListener("say", ({ detail }) => notify(detail));
at("notice-close").addEventListener("click", () => notify(""));

/** Under which of the links above the grid an answer counts. */
function kindsOf(given) {
  const open = given.unsure || given.flag;
  return [keyOf(given), ...(given.unsure ? ["unsure"] : []), ...(open ? ["open"] : [])];
}

function count(kind, step) {
  for (const element of document.querySelectorAll(`[data-kind="${kind}"]`)) element.textContent = Number(element.textContent) + step;
}

function undo() {
  const item = grades.undo({});
  if (item) notify(words("mineAgain", { number: item.number, answer: nameOf(item.given) }));
}
at("undo").addEventListener("click", undo);

// --- From the grid to one image, or a few, and back ---

grid.addEventListener("open", ({ detail }) => enlarge(() => viewer.open(detail.item)));
at("compare").addEventListener("click", () => grid.picked.length > 1 && enlarge(() => viewer.compare(grid.picked)));
at("clear").addEventListener("click", () => grid.clearPicked());
at("viewer-close").addEventListener("click", leave);
at("viewer-back").addEventListener("click", () => viewer.go(-1));
at("viewer-forward").addEventListener("click", () => viewer.go(1));
// The browser's own way back leads to the grid too.
history.replaceState(null, "");
window.addEventListener("popstate", () => viewer.close());

grid.addEventListener("picked", () => {
  at("picked").hidden = grid.picked.length === 0;
  at("picked-text").textContent = words("minePicked", { count: grid.picked.length });
  at("compare").setAttribute("aria-disabled", grid.picked.length < 2);
});

function enlarge(open) {
  document.body.classList.add("enlarged");
  at("mine").inert = true;
  // On the image's edge, where it hides nothing that is to be judged.
  at("viewer-notices").append(at("notices"));
  notify("");
  open();
  history.pushState({ enlarged: true }, "");
  at("viewer-title").focus();
}

function leave() {
  history.back();
}

viewer.addEventListener("closed", ({ detail }) => {
  light.close();
  document.body.classList.remove("enlarged");
  at("mine").inert = false;
  at("mine").after(at("notices"));
  grid.focus(detail.item);
});

viewer.light = look.light;
look.addEventListener("light", () => (viewer.light = look.light));

// --- Keys ---

const ZOOMS = { zoomIn: 1, zoomOut: -1, zoomFit: 0 };

const lookActions = look.actions.map(({ name, act, ...rest }) => ({
  name,
  ...rest,
  act: () => (viewer.comparing && name in ZOOMS ? viewer.zoom(ZOOMS[name]) : act()),
}));
const own = [
  { name: "back", keys: ["ArrowLeft", "Backspace"], act: () => viewer.go(-1) },
  { name: "forward", keys: ["ArrowRight"], act: () => viewer.go(1) },
  { name: "close", keys: ["Escape"], act: leave, once: true },
  { name: "light", keys: ["l"], act: (event) => viewer.comparing || light.toggle(!event?.detail), once: true },
  { name: "undo", keys: ["z"], act: undo, once: true },
];
for (const { name, act } of [...look.actions, ...own]) {
  for (const button of document.querySelectorAll(`.look [data-keys="${name}"], .light [data-keys="${name}"]`)) {
    button.addEventListener("click", act);
  }
}

// Keys that the rater changed on the labelling page hold here too.
const chosen = preference("keys", {});
const byKey = new Map();
for (const action of [...choice.actions, ...own, ...lookActions]) {
  for (const key of chosen[action.name] ? [chosen[action.name]] : action.keys) {
    if (!byKey.has(plain(key))) byKey.set(plain(key), action);
  }
}

function plain(key) {
  return key.length === 1 ? key.toLowerCase() : key;
}

function pressed({ key, shiftKey }) {
  const letter = key.length === 1 && key.toLowerCase() !== key.toUpperCase();
  return (shiftKey && (letter || key.length > 1) ? "Shift+" : "") + plain(key);
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.target.matches("input, select, textarea") || (event.key === "Escape" && event.target.closest("#light"))) return;
  const action = byKey.get(pressed(event));
  if (!viewer.isOpen && action?.name !== "undo") return;
  // A key that is held down changes one answer once.
  if (event.repeat && (action?.once || event.key === "Enter" || event.key === " ")) event.preventDefault();
  else if (action) {
    event.preventDefault();
    action.act();
  }
});
for (const button of document.querySelectorAll("[data-closes]")) {
  button.addEventListener("click", () => at(button.dataset.closes).close());
}

// --- The world around ---

window.addEventListener("online", () => outbox.nudge());
// Brought back as it was left, the page would tell of grades that may have been changed since.
window.addEventListener("pageshow", (event) => event.persisted && navigator.onLine && location.reload());
document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && outbox.nudge());
window.addEventListener("beforeunload", (event) => outbox.atRisk && event.preventDefault());
grades.begin();
