// How the rater looks at the picture: zoom, pan, light, full screen. Only its transform and filter change, so nothing
// is laid out again, and a swap takes no longer for it.

import { at, prefer, preference, words } from "./page.js";

const MOST_ZOOM = 8;
const ZOOM_STEP = 1.25;
// What a double click or tap shows.
const CLOSE = 2.5;
// How far a key moves the picture: this part of its place.
const PAN_STEP = 0.15;
const TAP_MS = 300;
const TAP_PX = 24;
const LIGHT_STEP = 10;
const WHEEL_MODES_PX = [1, 16, 400];

// In per cent, as in CSS.
export const LIGHT = { brightness: 100, contrast: 100 };
export const LIGHT_LIMITS = [40, 250];

const MIDDLE = { x: 0, y: 0 };
const FITTED = { zoom: 1, ...MIDDLE };

/** Event: "light" when brightness or contrast changed. */
export class Look extends EventTarget {
  // Brightness and contrast belong to a screen and a room rather than to one picture, and grades compare only where
  // they are the same for all: so they stay from picture to picture. Tomorrow's light is another one: so they end with
  // the page, unless the rater wants them kept; and all the while the page shows that they were changed.
  light = { ...LIGHT, ...(preference("lightKept", false) ? preference("light", LIGHT) : LIGHT) };
  // Where the picture is: `x` and `y` lead from the middle of its place to its own, in CSS pixels.
  #at = FITTED;
  #largest = 1;
  #stage;
  #element = at("stage");
  // The picture's place, measured when it is needed: never between a key and the next picture.
  #place = null;
  #pointers = new Map();
  #moved = false;
  #lastTap = null;

  constructor({ stage }) {
    super();
    this.#stage = stage;
    stage.look = this;
    stage.addEventListener("swap", () => this.#swapped());
    new ResizeObserver(() => this.#resized()).observe(this.#element);
    this.#listen();
    this.#tellZoom();
    this.#tellLight();
  }

  #listen() {
    const on = (type, act, options) => this.#element.addEventListener(type, (event) => act(event), options);
    on("wheel", (event) => this.#wheel(event), { passive: false });
    on("pointerdown", (event) => this.#down(event));
    on("pointermove", (event) => this.#move(event));
    on("pointerup", (event) => this.#up(event));
    on("pointercancel", (event) => this.#up(event));
    const full = at("full-screen");
    full.hidden = !document.fullscreenEnabled;
    document.addEventListener("fullscreenchange", () => full.setAttribute("aria-pressed", document.fullscreenElement !== null));
  }

  get actions() {
    const full = { name: "fullScreen", keys: ["s"], act: toggleFullScreen, once: true };
    return [
      { name: "zoomIn", keys: ["+", "="], act: () => this.#zoomTo(this.#at.zoom * ZOOM_STEP) },
      { name: "zoomOut", keys: ["-"], act: () => this.#zoomTo(this.#at.zoom / ZOOM_STEP) },
      { name: "zoomFit", keys: ["0", "Home"], act: () => this.#zoomTo(1) },
      { name: "panLeft", keys: ["Shift+ArrowLeft"], act: () => this.#pan(1, 0) },
      { name: "panRight", keys: ["Shift+ArrowRight"], act: () => this.#pan(-1, 0) },
      { name: "panUp", keys: ["Shift+ArrowUp"], act: () => this.#pan(0, 1) },
      { name: "panDown", keys: ["Shift+ArrowDown"], act: () => this.#pan(0, -1) },
      { name: "brighter", keys: ["b"], act: () => this.#lighten("brightness", LIGHT_STEP) },
      { name: "darker", keys: ["Shift+b"], act: () => this.#lighten("brightness", -LIGHT_STEP) },
      { name: "moreContrast", keys: ["v"], act: () => this.#lighten("contrast", LIGHT_STEP) },
      { name: "lessContrast", keys: ["Shift+v"], act: () => this.#lighten("contrast", -LIGHT_STEP) },
      { name: "lightReset", keys: ["n"], act: () => this.setLight(LIGHT) },
      ...(document.fullscreenEnabled ? [full] : []),
    ];
  }

  /** What goes with a grade: the largest zoom of this picture (1: fitted into its place), and the light. */
  viewing() {
    const { width, height } = window.screen;
    return { screen_width: width, screen_height: height, zoom: Math.round(this.#largest * 100) / 100, ...this.light };
  }

  /** Brightness, contrast or both, in per cent. */
  setLight(change) {
    this.light = { ...this.light, ...change };
    if (preference("lightKept", false)) prefer("light", this.light);
    this.#paint();
    this.#tellLight();
    this.dispatchEvent(new Event("light"));
  }

  get #changedLight() {
    return Object.keys(LIGHT).some((what) => this.light[what] !== LIGHT[what]);
  }

  #lighten(what, step) {
    this.setLight({ [what]: between(this.light[what] + step, ...LIGHT_LIMITS) });
  }

  /** Do what changes the picture's place, and let the picture glide to where it then is. */
  refit(change) {
    const element = this.#stage.current?.element;
    const before = element && seen(element);
    change();
    this.#resized();
    if (!before?.scale || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    const after = seen(element);
    const now = element.style.transform;
    const then = `translate(${before.x - after.x}px, ${before.y - after.y}px) ${now} scale(${before.scale / after.scale})`;
    element.animate({ transform: [then, now || "none"] }, { duration: 180, easing: "ease-out" });
  }

  // --- Where the picture is ---

  #swapped() {
    const { element } = this.#stage.current;
    if (!preference("zoomStays", false)) this.#at = FITTED;
    this.#largest = this.#at.zoom;
    this.#lastTap = null;
    delete this.#element.dataset.gliding;
    this.#put(this.#at);
    // Only then is it known how far it may be moved.
    if (!element.complete) element.addEventListener("load", () => this.#put(this.#at), { once: true });
  }

  #resized() {
    this.#place = null;
    this.#put(this.#at);
  }

  /** About a point, which stays where it is; it lies so far from the middle of the place. */
  #zoomTo(zoom, { x, y } = MIDDLE, gliding = true) {
    this.#element.toggleAttribute("data-gliding", gliding);
    const wanted = between(zoom, 1, MOST_ZOOM);
    const next = wanted < 1.02 ? 1 : wanted;
    const ratio = next / this.#at.zoom;
    this.#put({ zoom: next, x: x - (x - this.#at.x) * ratio, y: y - (y - this.#at.y) * ratio });
  }

  #pan(right, down) {
    const { width, height } = this.#measured();
    this.#element.toggleAttribute("data-gliding", true);
    this.#shift(right * PAN_STEP * width, down * PAN_STEP * height);
  }

  #shift(x, y) {
    this.#put({ zoom: this.#at.zoom, x: this.#at.x + x, y: this.#at.y + y });
  }

  /** Never further than to where the picture's edge meets that of its place. */
  #put({ zoom, x, y }) {
    if (!this.#stage.current) return;
    const room = zoom > 1 ? this.#room(zoom) : MIDDLE;
    const told = this.#at.zoom;
    this.#at = { zoom, x: between(x, -room.x, room.x), y: between(y, -room.y, room.y) };
    this.#largest = Math.max(this.#largest, zoom);
    this.#paint();
    if (zoom !== told || zoom === 1) this.#tellZoom();
  }

  #room(zoom) {
    const { naturalWidth, naturalHeight } = this.#stage.current.element;
    // Not known before the picture is there; then it is looked at again.
    if (!naturalWidth) return { x: Infinity, y: Infinity };
    const { width, height } = this.#measured();
    const scale = zoom * Math.min(width / naturalWidth, height / naturalHeight);
    return { x: Math.max((naturalWidth * scale - width) / 2, 0), y: Math.max((naturalHeight * scale - height) / 2, 0) };
  }

  #measured() {
    const element = this.#stage.current?.element;
    if (!element) return { left: 0, top: 0, width: 0, height: 0 };
    this.#place ??= { left: element.offsetLeft, top: element.offsetTop, width: element.clientWidth, height: element.clientHeight };
    return this.#place;
  }

  #paint() {
    const style = this.#stage.current?.element.style;
    if (!style) return;
    const { zoom, x, y } = this.#at;
    const { brightness, contrast } = this.light;
    style.transform = zoom > 1 ? `translate(${x}px, ${y}px) scale(${zoom})` : "";
    style.filter = this.#changedLight ? `brightness(${brightness}%) contrast(${contrast}%)` : "";
  }

  #tellZoom() {
    const text = words("percent", { number: Math.round(this.#at.zoom * 100) });
    const percent = at("zoom-percent");
    if (percent.textContent === text) return;
    percent.textContent = text;
    this.#element.dataset.zoomed = this.#at.zoom > 1;
  }

  #tellLight() {
    const { brightness, contrast } = this.light;
    const changed = this.#changedLight;
    at("light-changed").textContent = changed ? words("lightChanged", { brightness, contrast }) : "";
    at("light-open").toggleAttribute("data-changed", changed);
  }

  // --- Wheel, mouse, fingers ---

  /** A point of the window, as it lies from the middle of the picture's place. */
  #point({ clientX, clientY }) {
    const { left, top } = this.#element.getBoundingClientRect();
    const place = this.#measured();
    return { x: clientX - left - place.left - place.width / 2, y: clientY - top - place.top - place.height / 2 };
  }

  #wheel(event) {
    if (!this.#onPicture(event)) return;
    event.preventDefault();
    // Two fingers on a track pad come as a wheel with Ctrl, in small steps.
    const speed = event.ctrlKey ? 0.01 : 0.002;
    const step = between(-event.deltaY * WHEEL_MODES_PX[event.deltaMode] * speed, -0.4, 0.4);
    this.#zoomTo(this.#at.zoom * Math.exp(step), this.#point(event), false);
  }

  #onPicture(event) {
    return this.#stage.current?.element === event.target;
  }

  #down(event) {
    if (!this.#onPicture(event) || event.button !== 0 || this.#pointers.size === 2) return;
    // From now on its events come here, wherever it goes.
    this.#element.setPointerCapture(event.pointerId);
    this.#pointers.set(event.pointerId, this.#point(event));
    this.#moved = this.#pointers.size > 1;
    delete this.#element.dataset.gliding;
  }

  #move(event) {
    const before = this.#pointers.get(event.pointerId);
    if (!before) return;
    const now = this.#point(event);
    // A finger is never quite still.
    if (!this.#moved && distance(before, now) < TAP_PX / 4) return;
    this.#moved = true;
    this.#pointers.set(event.pointerId, now);
    if (this.#pointers.size === 2) this.#pinch(event.pointerId, before, now);
    else if (this.#at.zoom > 1) this.#shift(now.x - before.x, now.y - before.y);
  }

  #pinch(id, before, now) {
    const [, other] = [...this.#pointers].find(([one]) => one !== id);
    const from = middle(other, before);
    const to = middle(other, now);
    this.#zoomTo(this.#at.zoom * (distance(other, now) / Math.max(distance(other, before), 1)), from, false);
    this.#shift(to.x - from.x, to.y - from.y);
  }

  #up(event) {
    if (!this.#pointers.delete(event.pointerId) || this.#moved || event.type !== "pointerup") return;
    const tap = { time: event.timeStamp, ...this.#point(event) };
    const twice = this.#lastTap && tap.time - this.#lastTap.time < TAP_MS && distance(tap, this.#lastTap) < TAP_PX;
    if (twice) this.#zoomTo(this.#at.zoom > 1 ? 1 : CLOSE, tap);
    this.#lastTap = twice ? null : tap;
  }
}

function toggleFullScreen() {
  // The grades come along: it is the page that fills the screen.
  if (document.fullscreenElement) document.exitFullscreen();
  else document.documentElement.requestFullscreen();
}

/** The middle of a picture on the screen, and how large one of its pixels is, as far as its place decides that. */
function seen(element) {
  const { left, top, width, height } = element.getBoundingClientRect();
  const scale = Math.min(element.clientWidth / element.naturalWidth, element.clientHeight / element.naturalHeight);
  return { x: left + width / 2, y: top + height / 2, scale: Number.isFinite(scale) ? scale : 0 };
}

function between(value, least, most) {
  return Math.min(Math.max(value, least), most);
}

function distance(one, other) {
  return Math.hypot(one.x - other.x, one.y - other.y);
}

function middle(one, other) {
  return { x: (one.x + other.x) / 2, y: (one.y + other.y) / 2 };
}
