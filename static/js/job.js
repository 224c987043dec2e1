// Keeps every job on the page up to date.

import { follow } from "./polling.js";

const STATES = { queued: "waiting", running: "running" };

function show(card, status) {
  card.querySelector("[data-job-state]").textContent = STATES[status.state];
  const bar = card.querySelector("progress");
  if (status.total > 0) bar.value = status.percent;
  const count = status.total > 0 ? `${status.done} of ${status.total}` : "";
  say(card, status.state === "queued" ? "Waiting for a worker." : [count, status.message].filter(Boolean).join(": "));
}

function say(card, words) {
  const text = card.querySelector("[data-job-message]");
  if (text.textContent !== words) text.textContent = words;
}

for (const card of document.querySelectorAll("[data-job]")) {
  follow(
    card.dataset.job,
    (status) => show(card, status),
    () => say(card, "No news from the server; still asking. The work itself goes on."),
  );
}
