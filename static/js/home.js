// Tells a rater of grades that wait on this computer, and asks before they sign out with some.

/** How many answers wait here by owner: what the outbox of the labelling page kept, without those done with. */
async function waiting() {
  const database = await opened().catch(() => null);
  if (!database) return new Map();
  const rows = await new Promise((resolve, reject) => {
    const request = database.transaction("answers").objectStore("answers").getAll();
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  database.close();
  const counts = new Map();
  for (const { owner, done } of rows) if (!done) counts.set(owner, (counts.get(owner) ?? 0) + 1);
  return counts;
}

/** The outbox's database; null where there is none yet, which stays so, or where the browser keeps nothing. */
function opened() {
  return new Promise((resolve) => {
    const opening = indexedDB.open("goldfold");
    opening.onupgradeneeded = () => opening.transaction.abort();
    opening.onsuccess = () => resolve(opening.result);
    opening.onerror = () => resolve(null);
  });
}

async function tell() {
  const counts = await waiting();
  for (const notice of document.querySelectorAll("[data-waits-for]")) {
    const number = counts.get(notice.dataset.waitsFor) ?? 0;
    notice.hidden = !number;
    notice.querySelector(".place-waits-count").textContent = number;
  }
}

const places = document.querySelector("[data-sign-out]");
document.querySelector('.site-header form[action$="/logout/"]').addEventListener("submit", (event) => {
  const waits = document.querySelector("[data-waits-for]:not([hidden])");
  if (waits && !confirm(places.dataset.signOut)) event.preventDefault();
});
// Coming back to this tab, some may have been delivered in another.
document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && tell());
tell();
