// Keeps a running training run up to date: bar, words and steps.

import { follow } from "./polling.js";

function mark(step, percent, started) {
  const [from, to] = [Number(step.dataset.from), Number(step.dataset.to)];
  const state = !started || percent < from ? "later" : percent >= to ? "done" : "now";
  step.className = state;
  step.querySelector(".badge").hidden = state !== "done";
  if (state === "now") step.setAttribute("aria-current", "step");
  else step.removeAttribute("aria-current");
}

function show(card, status) {
  const started = status.total > 0;
  const percent = started ? (100 * status.done) / status.total : 0;
  if (started) card.querySelector("progress").value = percent;
  say(card, started ? status.message : "Waiting for a worker.");
  card.querySelectorAll("[data-from]").forEach((step) => mark(step, percent, started));
}

function say(card, words) {
  const text = card.querySelector("[data-words]");
  if (text.textContent !== words) text.textContent = words;
}

for (const card of document.querySelectorAll("[data-run]")) {
  follow(
    card.dataset.run,
    (status) => show(card, status),
    () => say(card, "No news from the server; still asking. The run itself goes on."),
  );
}
