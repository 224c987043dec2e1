// Asks for a job's state every second until it has ended, and then loads the page again.

const EVERY_MS = 1000;
const MOST_MS = 30_000;
const ACTIVE = new Set(["queued", "running"]);

/**
 * @param {string} address of the job's state as JSON
 * @param {(status: object) => void} show what is known now
 * @param {() => void} lost called when the server is away or the sign-in has ended; asking goes on, less often
 */
export async function follow(address, show, lost) {
  let wait = EVERY_MS;
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, wait));
    if (document.hidden) continue;
    try {
      const response = await fetch(address, { headers: { Accept: "application/json" } });
      if (!response.ok || response.redirected) throw new Error(`status ${response.status}`);
      const status = await response.json();
      if (!ACTIVE.has(status.state)) {
        location.reload();
        return;
      }
      show(status);
      wait = EVERY_MS;
    } catch {
      lost();
      wait = Math.min(wait * 2, MOST_MS);
    }
  }
}
