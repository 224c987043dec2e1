// Pictures in memory: loaded and decoded before they are shown, swapped without a flicker.

const DECODED_AHEAD = 6;
// How many are loaded at once. One after another, each would wait for the way to the server and back; where the line
// is so slow that a picture takes long, many at once would only make the nearest one late.
const AT_ONCE = { usually: 4, slow: 2 };
const SLOW_MS = 1000;
const RETRY_MS = [500, 1500, 3000, 5000];
// Then it is asked whether the server has the file at all.
const ASK_AFTER = 2;
const GONE = 410;

/** One picture: an <img> that lies hidden on the stage until it is shown. Its events reach the stage. */
class Picture {
  failures = 0;
  // The server says that its file is lost.
  gone = false;
  paintedAt = null;
  shownAt = null;
  #begunAt = null;
  #decoded = null;
  #retry = null;

  constructor(url, stage) {
    this.url = url;
    this.element = new Image();
    this.element.className = "picture";
    // When it is shown, the old one goes and it comes in one frame.
    this.element.decoding = "sync";
    this.element.draggable = false;
    this.element.setAttribute("aria-hidden", "true");
    this.ready = new Promise((resolve) => {
      this.element.addEventListener("load", () => resolve(), { once: true });
    });
    this.element.addEventListener("load", () => this.#tell("loaded", performance.now() - this.#begunAt));
    this.element.addEventListener("error", () => this.#failed());
    stage.append(this.element);
  }

  get begun() {
    return this.#begunAt !== null;
  }

  /** It was asked for, and has neither come nor failed. */
  get loading() {
    return this.begun && !this.#retry && !this.loaded;
  }

  get loaded() {
    return this.element.complete && this.element.naturalWidth > 0;
  }

  load(priority) {
    if (this.begun) return;
    this.#begunAt = performance.now();
    this.element.fetchPriority = priority;
    this.element.src = this.url;
  }

  decode() {
    // A picture that was dropped meanwhile can't be decoded, and need not be.
    if (this.loaded) this.#decoded ??= this.element.decode().catch(() => null);
  }

  /** Should it have failed, try now rather than after the wait. */
  again() {
    if (!this.#retry) return;
    clearTimeout(this.#retry);
    this.#retry = null;
    this.#begunAt = performance.now();
    if (this.element.isConnected) this.element.src = this.url;
  }

  #failed() {
    const wait = RETRY_MS[Math.min(this.failures++, RETRY_MS.length - 1)];
    this.#retry = setTimeout(() => this.again(), wait);
    this.#tell("delayed");
    if (this.failures >= ASK_AFTER && !this.gone) this.#ask();
  }

  async #ask() {
    try {
      this.gone = (await fetch(this.url, { method: "HEAD" })).status === GONE;
    } catch {
      // Not reached: it may be there, and the next failure asks again.
      return;
    }
    if (this.gone) this.#tell("delayed");
  }

  #tell(type, detail) {
    this.element.dispatchEvent(new CustomEvent(type, { bubbles: true, detail }));
  }
}

/**
 * The place where one picture is seen, while the next ones lie ready behind it.
 *
 * Events: "swap" when `current` changed, "loaded" when a picture has come.
 */
export class Stage extends EventTarget {
  current = null;
  // How the rater looks at the picture (zoom, brightness, …): {viewing()}, set by label.js.
  look = null;
  #element;
  #url;
  // By token, in the order of need.
  #pictures = new Map();
  #atOnce = AT_ONCE.usually;

  constructor(element, url) {
    super();
    this.#element = element;
    this.#url = url;
    element.addEventListener("delayed", (event) => {
      if (event.target === this.current?.element) element.dataset.state = this.current.gone ? "gone" : "delayed";
      this.#fill();
    });
    element.addEventListener("loaded", (event) => this.#came(event.detail));
    window.addEventListener("online", () => this.#pictures.forEach((picture) => picture.again()));
  }

  /** Have these in memory, the first one first, the nearest decoded; then `keep`; and let go of all others. */
  prepare(tokens, keep = []) {
    const before = this.#pictures;
    this.#pictures = new Map();
    for (const token of [...tokens, ...keep]) {
      this.#pictures.set(token, before.get(token) ?? new Picture(this.#url(token), this.#element));
    }
    for (const [token, picture] of before) {
      if (this.#pictures.has(token)) continue;
      if (picture === this.current) this.#pictures.set(token, picture);
      else picture.element.remove();
    }
    this.#fill();
  }

  /** Whether all that was asked for has come. */
  get complete() {
    return [...this.#pictures.values()].every((picture) => picture.loaded);
  }

  /** The address of a picture that is in memory; null of any other. */
  inMemory(token) {
    const picture = this.#pictures.get(token);
    return picture?.loaded ? picture.url : null;
  }

  #came(tookMs) {
    this.#atOnce = tookMs > SLOW_MS ? AT_ONCE.slow : AT_ONCE.usually;
    this.#fill();
    this.dispatchEvent(new Event("loaded"));
  }

  /** Load what is needed next, a few at a time; nothing while the rater waits for the picture on the screen. */
  #fill() {
    const nearest = [...this.#pictures.values()].slice(0, DECODED_AHEAD);
    for (const picture of nearest) picture.decode();
    if (this.current && !this.current.loaded) return;
    let free = this.#atOnce - [...this.#pictures.values()].filter((picture) => picture.loading).length;
    for (const picture of this.#pictures.values()) {
      if (free <= 0) return;
      if (picture.begun) continue;
      picture.load("low");
      free -= 1;
    }
  }

  /** Swap at once; resolves when the picture has been painted, and seen for so long. */
  async show(token, alt, { seenMs = 0 } = {}) {
    const picture = this.#picture(token);
    if (this.current) this.#hide(this.current);
    this.current = picture;
    picture.paintedAt = null;
    this.#element.dataset.painted = false;
    picture.element.alt = alt;
    this.dispatchEvent(new Event("swap"));
    picture.element.classList.add("shown");
    picture.element.removeAttribute("aria-hidden");
    this.#element.dataset.state = picture.loaded ? "shown" : picture.gone ? "gone" : "loading";
    picture.load("high");
    await picture.ready;
    await painted();
    if (seenMs) await new Promise((resolve) => setTimeout(resolve, seenMs));
    // It may have been left, or come back to, meanwhile.
    if (this.current !== picture || picture.paintedAt !== null) return;
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
