// What the server wrote into the page: facts, sentences, elements.

export const boot = JSON.parse(at("boot").textContent);

const levelNames = new Map(boot.levels.map((level) => [level.value, level.name]));

export function at(id) {
  return document.getElementById(id);
}

/** A new element with its properties and children. */
export function made(kind, properties = {}, children = []) {
  const element = Object.assign(document.createElement(kind), properties);
  element.append(...children);
  return element;
}

/** A sentence of `labeler/page_words.py`, with its {gaps} filled. */
export function words(name, values = {}) {
  return boot.words[name].replace(/\{(\w+)\}/g, (_, gap) => values[gap]);
}

/** An answer in words: its level or the reason of its flag, and that the rater was unsure. */
export function nameOf({ level_value: value, flag, unsure }) {
  const name = flag ? words("flagged", { reason: boot.reasons[flag] }) : (levelNames.get(value) ?? String(value));
  return unsure ? words("unsure", { answer: name }) : name;
}

// --- What the rater prefers, on this machine and in this study: machines are shared, and scales differ ---

const PLACE = `goldfold ${boot.owner}`;
let preferences = kept();

/** The rater's preference of that name, or what it is for somebody who has none. */
export function preference(name, standard) {
  return preferences[name] ?? standard;
}

/** Keep a preference; null forgets it. In a browser that keeps nothing, it holds until the page is left. */
export function prefer(name, value) {
  // Another tab may have kept something meanwhile.
  preferences = { ...preferences, ...kept(), [name]: value };
  try {
    localStorage.setItem(PLACE, JSON.stringify(preferences));
  } catch (error) {
    console.info("Preferences are not kept in this browser.", error);
  }
}

function kept() {
  try {
    return Object(JSON.parse(localStorage.getItem(PLACE)));
  } catch {
    // Nothing may be read here, or somebody else wrote what is no JSON: as if there was nothing.
    return {};
  }
}
