// Keeps every job on the page up to date, and loads the page again when one has ended.

const EVERY_MS = 1000;
const STATES = { queued: "waiting", running: "running" };

function show(card, status) {
  card.querySelector("[data-job-state]").textContent = STATES[status.state] ?? status.state;
  const bar = card.querySelector("progress");
  if (status.total > 0) bar.value = status.percent;
  const text = card.querySelector("[data-job-message]");
  const count = status.total > 0 ? `${status.done} of ${status.total}` : "";
  const words = status.state === "queued" ? "Waiting for a worker." : [count, status.message].filter(Boolean).join(": ");
  if (text.textContent !== words) text.textContent = words;
}

async function follow(card) {
  let wait = EVERY_MS;
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, wait));
    if (document.hidden) continue;
    try {
      const response = await fetch(card.dataset.job, { headers: { Accept: "application/json" } });
      if (!response.ok || response.redirected) throw new Error(`status ${response.status}`);
      const status = await response.json();
      if (!(status.state in STATES)) {
        location.reload();
        return;
      }
      show(card, status);
      wait = EVERY_MS;
    } catch {
      // The server is away or the sign-in has ended: say so, and ask less often.
      card.querySelector("[data-job-message]").textContent = "No news from the server; still asking. The work itself goes on.";
      wait = Math.min(wait * 2, 30_000);
    }
  }
}

document.querySelectorAll("[data-job]").forEach(follow);
