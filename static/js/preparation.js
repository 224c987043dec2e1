// Keeps the banner about the running installation up to date.

const banner = document.querySelector("[data-preparation]");
const bar = banner.querySelector("progress");
const EVERY = 2000; // milliseconds

async function look() {
  try {
    const answer = await fetch(banner.dataset.preparation, { credentials: "omit" });
    const { state, percent } = await answer.json();
    banner.dataset.state = state;
    bar.value = percent;
    bar.textContent = `${percent} %`;
    if (state !== "installing") return;
  } catch {
    // The site is being restarted; the next look will tell.
  }
  setTimeout(look, EVERY);
}

setTimeout(look, EVERY);
