// Put into the labelling page by the bench, before the page's own scripts: notes when keys were pressed, and in which
// frame another image was on the screen. It knows nothing of the page but that images are <img>.

window.bench = { keys: [], shown: [], origin: performance.timeOrigin, seen };

window.addEventListener("keydown", (event) => window.bench.keys.push(event.timeStamp), { capture: true });

/** The image that a person sees: loaded, visible, large, and the last painted of those. */
function seen() {
  const images = [...document.querySelectorAll("img")].filter((image) => {
    const { width, height } = image.getBoundingClientRect();
    const large = width * height > 0.1 * window.innerWidth * window.innerHeight;
    return large && image.complete && image.naturalWidth > 0 && image.checkVisibility({ opacityProperty: true, visibilityProperty: true });
  });
  return images.at(-1) ?? null;
}

let before = null;
function look(now) {
  const image = seen();
  const address = image?.currentSrc ?? null;
  if (address && address !== before) {
    // This frame is about to show it; when the next one begins, it has.
    requestAnimationFrame(() => window.bench.shown.push({ address, at: performance.now() }));
  }
  if (address) before = address;
  requestAnimationFrame(look);
}
requestAnimationFrame(look);
