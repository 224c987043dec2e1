// Pictures in memory: loaded and decoded before they are shown, swapped without a flicker.

const DECODED_AHEAD = 4;
const RETRY_MS = [500, 1500, 4000, 10000];

/** One picture: an <img> that lies hidden on the stage until it is shown. */
class Picture {
  failures = 0;
  paintedAt = null;
  shownAt = null;

  constructor(url, stage) {
    this.url = url;
    this.element = new Image();
    this.element.className = "picture";
    this.element.decoding = "async";
    this.element.draggable = false;
    this.element.setAttribute("aria-hidden", "true");
    this.ready = new Promise((resolve) => {
      this.element.addEventListener("load", () => resolve(), { once: true });
    });
    this.element.addEventListener("error", () => this.#retry());
    stage.append(this.element);
  }

  load(priority) {
    if (this.element.src) return;
    this.element.fetchPriority = priority;
    this.element.src = this.url;
  }

  async decode() {
    await this.ready;
    // A picture that was dropped meanwhile can't be decoded, and need not be.
    await this.element.decode().catch(() => null);
  }

  get loaded() {
    return this.element.complete && this.element.naturalWidth > 0;
  }

  #retry() {
    const wait = RETRY_MS[Math.min(this.failures++, RETRY_MS.length - 1)];
    this.element.dispatchEvent(new Event("delayed", { bubbles: true }));
    setTimeout(() => {
      if (this.element.isConnected) this.element.src = this.url;
    }, wait);
  }
}

/** The place where one picture is seen, while the next ones lie ready behind it. Event: "swap" when `current` changed. */
export class Stage extends EventTarget {
  current = null;
  // How the rater looks at the picture (zoom, brightness, …): {viewing()}, set by label.js.
  look = null;
  #element;
  #url;
  #pictures = new Map();

  constructor(element, url) {
    super();
    this.#element = element;
    this.#url = url;
    element.addEventListener("delayed", (event) => {
      if (event.target === this.current?.element) element.dataset.state = "delayed";
    });
  }

  /** Load these in turn, the first one first, decode the nearest, and let go of all others but `keep`. */
  async prepare(tokens, keep = []) {
    const wanted = new Set([...tokens, ...keep]);
    for (const [token, picture] of this.#pictures) {
      if (!wanted.has(token) && picture !== this.current) {
        picture.element.remove();
        this.#pictures.delete(token);
      }
    }
    for (const [place, token] of tokens.entries()) {
      const picture = this.#picture(token);
      picture.load(place === 0 ? "high" : "low");
      if (place === 0) await picture.ready;
      else if (place < DECODED_AHEAD) picture.decode();
    }
  }

  /** Swap at once; resolves when the picture has been painted. */
  async show(token, alt) {
    const picture = this.#picture(token);
    if (this.current) this.#hide(this.current);
    this.current = picture;
    picture.paintedAt = null;
    this.#element.dataset.painted = false;
    picture.element.alt = alt;
    this.dispatchEvent(new Event("swap"));
    picture.element.classList.add("shown");
    picture.element.removeAttribute("aria-hidden");
    this.#element.dataset.state = picture.loaded ? "shown" : "loading";
    picture.load("high");
    await picture.ready;
    await painted();
    if (this.current !== picture) return;
    Object.assign(this.#element.dataset, { state: "shown", painted: true });
    picture.paintedAt = performance.now();
    picture.shownAt ??= new Date();
  }

  clear() {
    if (this.current) this.#hide(this.current);
    this.current = null;
    Object.assign(this.#element.dataset, { state: "empty", painted: false });
  }

  /** How the picture is seen, in CSS pixels: data for the study. */
  viewing() {
    const { naturalWidth, naturalHeight, clientWidth, clientHeight } = this.current.element;
    const scale = Math.min(clientWidth / naturalWidth, clientHeight / naturalHeight);
    return {
      window_width: window.innerWidth,
      window_height: window.innerHeight,
      image_width: Math.round(naturalWidth * scale),
      image_height: Math.round(naturalHeight * scale),
      pixel_ratio: window.devicePixelRatio,
      ...this.look?.viewing(),
    };
  }

  #picture(token) {
    if (!this.#pictures.has(token)) this.#pictures.set(token, new Picture(this.#url(token), this.#element));
    return this.#pictures.get(token);
  }

  #hide(picture) {
    picture.element.classList.remove("shown");
    picture.element.setAttribute("aria-hidden", "true");
  }
}

/** The frame after the next has begun: what was swapped in is on the screen. */
function painted() {
  return new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
}
