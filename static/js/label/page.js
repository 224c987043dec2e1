// What the server wrote into the page: facts, sentences, elements.

export const boot = JSON.parse(at("boot").textContent);

const levelNames = new Map(boot.levels.map((level) => [level.value, level.name]));

export function at(id) {
  return document.getElementById(id);
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
