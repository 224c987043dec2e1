// Every sentence that the labelling page makes while it runs; the fixed ones are in templates/labeler/label.html.

const plural = (count, one, many) => `${count} ${count === 1 ? one : many}`;

export const texts = {
  progress: (number, total) => `${number} of ${total}`,
  image: (number, total) => `Selfie ${number} of ${total}`,
  given: (answer, number, total) => `${answer}. Next: image ${number} of ${total}.`,
  changed: (answer, number) => `Changed to ${answer}. Back at image ${number}.`,
  kept: (number) => `Unchanged. Back at image ${number}.`,
  looking: (number, answer) => `Image ${number}, which you answered: ${answer}. Choose again to change it.`,
  forward: (number, total) => `Image ${number} of ${total}.`,
  last: (number, answer) => `image ${number}: ${answer}`,
  flagged: (reason) => `not gradable, ${reason}`,
  unsure: (answer) => `${answer}, unsure`,
  first: "There is no image before this one.",
  backUnavailable: "Earlier images can’t be loaded now.",
  elsewhere: "That image was graded in another window; here is the next one.",
  stale: (before, now) => `You had graded this image before: ${before}. Now: ${now}.`,
  finished: "All images are graded.",
  timeLeft: (minutes) =>
    minutes < 60 ? `about ${minutes} min left` : `about ${(minutes / 60).toFixed(1).replace(".0", "")} h left`,
  underAMinute: "less than a minute left",
  saved: "Saved",
  saving: "Saving…",
  offline: (count) => `Offline · ${count} waiting`,
  unreachable: (count) => `Not connected · ${count} waiting`,
  refused: (reason, count) => (count ? `${reason} ${plural(count, "grade waits", "grades wait")} here.` : reason),
  otherPerson: "Somebody else is signed in now. Sign in as yourself again.",
  signedOut: "You are signed out.",
  failed: "The server has a problem.",
  reasonNeeded: "Please say in a few words why.",
};

/** Names an answer: its level or the reason of its flag, and that the rater was unsure. */
export function namesOf({ levels, reasons }) {
  const names = new Map(levels.map((level) => [level.value, level.name]));
  return ({ level_value: value, flag, unsure }) => {
    const name = flag ? texts.flagged(reasons[flag]) : (names.get(value) ?? String(value));
    return unsure ? texts.unsure(name) : name;
  };
}
