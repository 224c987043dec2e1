// The labelling page: makes its parts and joins them to keys, buttons and dialogs.

import { Ahead } from "./label/ahead.js";
import { Outbox } from "./label/outbox.js";
import { Stage } from "./label/pictures.js";
import { Refused, Server } from "./label/server.js";
import { Session } from "./label/session.js";
import { namesOf, texts } from "./label/texts.js";
import { View, at } from "./label/view.js";

const boot = JSON.parse(at("boot").textContent);
const name = namesOf(boot);
const server = new Server(boot.urls, boot.window);
const outbox = new Outbox(server);
const stage = new Stage(at("stage"), (token) => server.imageUrl(token));
const ahead = new Ahead({ server, outbox, size: boot.size });
const session = new Session({ server, outbox, stage, ahead, name });
const view = new View({ session, outbox, name });
const levels = [...document.querySelectorAll(".level")];
const flagDialog = at("flag-dialog");
const helpDialog = at("help-dialog");

function give(answer) {
  const unsure = at("unsure").getAttribute("aria-pressed") === "true";
  return session.give({ ...answer, unsure: unsure && !answer.flag });
}

function grade(button) {
  if (!give({ level: Number(button.dataset.value) })) return;
  // A short sign on the button that the grade was taken; the next image is there already.
  button.classList.remove("given");
  requestAnimationFrame(() => button.classList.add("given"));
}

function toggleUnsure() {
  const button = at("unsure");
  if (session.view === "grading") button.setAttribute("aria-pressed", button.getAttribute("aria-pressed") !== "true");
}

// --- Flag dialog: why an image can't be graded ---

const flagForm = at("flag-form");

function openFlag() {
  if (session.view !== "grading" || flagDialog.open) return;
  flagForm.reset();
  const { flag, comment } = session.reviewed?.given ?? { flag: "", comment: "" };
  flagForm.elements.comment.value = comment;
  const chosen = [...flagForm.elements.reason].find((radio) => radio.value === flag) ?? flagForm.elements.reason[0];
  chosen.checked = true;
  needWords();
  flagDialog.showModal();
  chosen.focus();
}

function needWords() {
  flagForm.elements.comment.required = flagForm.elements.reason.value === "other";
}

flagForm.addEventListener("change", needWords);
flagForm.addEventListener("submit", (event) => {
  event.preventDefault();
  const { reason, comment } = flagForm.elements;
  if (reason.value === "other" && !comment.value.trim()) {
    comment.setCustomValidity(texts.reasonNeeded);
    comment.reportValidity();
    return;
  }
  if (give({ flag: reason.value, comment: comment.value.trim() })) flagDialog.close();
});
flagForm.elements.comment.addEventListener("input", (event) => event.target.setCustomValidity(""));

// --- Buttons ---

for (const button of levels) {
  // The second half of a double click is not meant for the next image.
  button.addEventListener("click", (event) => event.detail > 1 || grade(button));
}
at("back").addEventListener("click", () => session.back());
at("forward").addEventListener("click", () => session.forward());
at("unsure").addEventListener("click", toggleUnsure);
at("flag").addEventListener("click", openFlag);
at("help").addEventListener("click", () => helpDialog.showModal());
for (const button of document.querySelectorAll("[data-closes]")) {
  button.addEventListener("click", () => at(button.dataset.closes).close());
}

// --- Keys ---

const actions = {
  Backspace: () => session.back(),
  ArrowLeft: () => session.back(),
  ArrowRight: () => session.forward(),
  ArrowDown: () => moveFocus(1),
  ArrowUp: () => moveFocus(-1),
  f: openFlag,
  u: toggleUnsure,
  "?": () => helpDialog.showModal(),
};

function moveFocus(step) {
  const from = levels.indexOf(document.activeElement);
  const to = from < 0 ? (step > 0 ? 0 : levels.length - 1) : from + step;
  levels[Math.min(Math.max(to, 0), levels.length - 1)].focus();
}

// The browser closes a dialog a moment after Escape, and a key pressed in that moment would be lost; so it closes here.
// (That key may still come from a field of the closed dialog: all fields of the page are in dialogs.)
for (const dialog of [flagDialog, helpDialog]) {
  dialog.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.preventDefault();
    dialog.close();
  });
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || flagDialog.open || helpDialog.open) return;
  const level = levels.find((button) => button.dataset.key && button.dataset.key.toLowerCase() === event.key.toLowerCase());
  const act = level ? () => grade(level) : (actions[event.key] ?? actions[event.key.toLowerCase()]);
  // A key that is held down grades one image, not all of them.
  if (event.repeat && (level || event.key === "Enter" || event.key === " ")) event.preventDefault();
  else if (act) {
    event.preventDefault();
    act();
  }
});

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
document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && wake());
window.addEventListener("beforeunload", (event) => outbox.size && event.preventDefault());

ahead.take(boot.window);
session.start(boot.window);
