// Keeps a running training run up to date: bar, words and steps; loads the page again when it has ended.

const EVERY_MS = 1000;
const MOST_MS = 30_000;
const ACTIVE = new Set(["queued", "running"]);

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
  const text = card.querySelector("[data-words]");
  const words = started ? status.message : "Waiting for a worker.";
  if (text.textContent !== words) text.textContent = words;
  card.querySelectorAll("[data-from]").forEach((step) => mark(step, percent, started));
}

async function follow(card) {
  let wait = EVERY_MS;
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, wait));
    if (document.hidden) continue;
    try {
      const response = await fetch(card.dataset.run, { headers: { Accept: "application/json" } });
      if (!response.ok || response.redirected) throw new Error(`status ${response.status}`);
      const status = await response.json();
      if (!ACTIVE.has(status.state)) {
        location.reload();
        return;
      }
      show(card, status);
      wait = EVERY_MS;
    } catch {
      card.querySelector("[data-words]").textContent = "No news from the server; still asking. The run itself goes on.";
      wait = Math.min(wait * 2, MOST_MS);
    }
  }
}

document.querySelectorAll("[data-run]").forEach(follow);
