// The labelling page: makes its parts, and joins them to keys, buttons and dialogs.

import { Ahead } from "./label/ahead.js";
import { Choice } from "./label/choice.js";
import { Outbox } from "./label/outbox.js";
import { at, boot } from "./label/page.js";
import { Stage } from "./label/pictures.js";
import { Refused, Server } from "./label/server.js";
import { Session } from "./label/session.js";
import { View } from "./label/view.js";

const server = new Server(boot.urls, boot.window);
const outbox = new Outbox(server);
const stage = new Stage(at("stage"), (token) => server.imageUrl(token));
const ahead = new Ahead({ server, outbox, size: boot.size });
const session = new Session({ server, outbox, stage, ahead });
const view = new View({ session, outbox });
const choice = new Choice({ session });

// --- Buttons and dialogs ---

at("back").addEventListener("click", () => session.back());
at("forward").addEventListener("click", () => session.forward());
at("help").addEventListener("click", openHelp);
for (const button of document.querySelectorAll("[data-closes]")) {
  button.addEventListener("click", () => at(button.dataset.closes).close());
}

function openHelp() {
  at("help-dialog").showModal();
}

// The browser closes a dialog a moment after Escape, and a key pressed in that moment would be lost; so it closes here.
// (That key may still come from a field of the closed dialog: all fields of the page are in dialogs.)
for (const dialog of document.querySelectorAll("dialog")) {
  dialog.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.preventDefault();
    dialog.close();
  });
}

// --- Keys ---

const actions = [
  ...choice.actions,
  { name: "back", keys: ["Backspace", "ArrowLeft"], act: () => session.back() },
  { name: "forward", keys: ["ArrowRight"], act: () => session.forward() },
  { name: "help", keys: ["?"], act: openHelp },
];
const byKey = new Map(actions.flatMap((action) => action.keys.map((key) => [key.toLowerCase(), action])));

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  const action = byKey.get(event.key.toLowerCase());
  // A key that is held down grades one image, not all of them.
  if (event.repeat && (action?.once || event.key === "Enter" || event.key === " ")) event.preventDefault();
  else if (action) {
    event.preventDefault();
    action.act();
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
