// What the page says around the image: progress, time left, whether grades are saved, notices.

import { at, made, nameOf, prefer, preference, words } from "./page.js";

// As in label.css: on a smaller window the strip would take the image's place.
const WIDE = "(min-width: 60rem) and (min-height: 32.01rem)";
const SIGN_IN = new Set(["signed_out", "forbidden", "other_person"]);

/** The line that says truthfully whether all answers are saved; it stands on every page that gives some. */
export class Saving {
  #outbox;
  #say;
  #refusal = null;
  #aside;

  constructor({ outbox, say }) {
    this.#outbox = outbox;
    this.#say = say;
    this.#aside = this.#asideButton();
    outbox.addEventListener("state", () => this.render());
    this.render();
  }

  /** Why the server told nothing, whatever became of the answers; null when that is over. */
  refuse(refusal) {
    this.#refusal = refusal;
    this.render();
  }

  render() {
    const { state, size, refusal, aside } = this.#outbox;
    const status = at("saving");
    const worse = state === "offline" || state === "refused";
    const text = {
      reading: "",
      saved: words("saved"),
      saving: words("saving"),
      offline: words(navigator.onLine ? "unreachable" : "offline", { count: size }),
      refused: refusal ? words("refused", { reason: refusal.text, count: size }) : words("aside", { count: aside.length }),
    }[state];
    // Said aloud when it turns, not at every grade.
    if (worse !== (status.dataset.worse === "true")) this.#say(text);
    status.dataset.state = state;
    status.dataset.worse = worse;
    at("saving-text").textContent = text;
    at("sign-in").hidden = !SIGN_IN.has((refusal ?? this.#refusal)?.code);
    this.#aside.hidden = !aside.length;
  }

  /** Leads to the answers that the server would not take; few raters ever see one. */
  #asideButton() {
    const button = made("button", { type: "button", className: "label-aside", hidden: true, textContent: words("asideOpen") });
    button.addEventListener("click", async () => {
      const { openAside } = await import("./aside.js");
      openAside(this.#outbox);
    });
    at("saving").append(button);
    return button;
  }
}

export class View {
  #session;
  #outbox;
  #saving;
  #stage;
  #look;
  #strip = null;
  // What stands in the notice, the first one on top: by what it is about, {sentence, choices}.
  #notices = new Map();

  constructor({ session, outbox, stage, look }) {
    this.#session = session;
    this.#stage = stage;
    this.#look = look;
    this.#outbox = outbox;
    session.addEventListener("show", () => this.#render());
    session.addEventListener("say", (event) => this.say(event.detail));
    session.addEventListener("stale", (event) => this.#stale(event.detail));
    session.addEventListener("changed", ({ detail: token }) => this.notify("", { about: `stale ${token}` }));
    session.addEventListener("elsewhere", () => this.notify(words("elsewhere"), { about: "elsewhere" }));
    session.addEventListener("answered", () => this.notify("", { about: "elsewhere" }));
    this.#saving = new Saving({ outbox, say: (sentence) => this.say(sentence) });
    outbox.addEventListener("state", () => this.#renderFinished());
    outbox.addEventListener("keeps", () => this.notify(outbox.keeps ? "" : words("unkept"), { about: "keeps" }));
    at("notice-close").addEventListener("click", () => this.#closeNotice());
    for (const part of [session, stage]) {
      for (const event of ["show", "loaded"]) part.addEventListener(event, () => this.#strip || this.#renderStrip());
    }
    // The settings' box, which has kept the choice already.
    document.addEventListener("change", ({ target }) => {
      if (target.dataset.preference === "strip") look.refit(() => this.#renderStrip());
    });
    this.#renderStrip();
  }

  /** For a screen reader. */
  say(sentence) {
    at("announcer").textContent = sentence;
  }

  /**
   * For everybody, until it is closed; an empty sentence closes what was said of the same matter. `choices` are buttons:
   * [{text, act}], each of which closes it too.
   */
  notify(sentence, { about = "", choices = [] } = {}) {
    if (!sentence && !this.#notices.has(about)) return;
    if (sentence) this.#notices.set(about, { sentence, choices });
    else this.#notices.delete(about);
    this.#renderNotice();
    if (sentence) this.say(sentence);
  }

  #closeNotice() {
    const [about] = this.#notices.keys();
    this.notify("", { about });
  }

  #renderNotice() {
    const [first] = this.#notices.values();
    at("notice").hidden = !first;
    at("notice-text").textContent = first?.sentence ?? "";
    const buttons = (first?.choices ?? []).map(({ text, act }) => {
      const button = made("button", { type: "button", className: "button small", textContent: text });
      button.addEventListener("click", () => {
        this.#closeNotice();
        act?.();
      });
      return button;
    });
    at("notice-choices").replaceChildren(...buttons);
  }

  /** An answer of a window, or a machine, that did not know of an earlier one: never silently the winner. */
  #stale({ token, before, now, version }) {
    const choices = [
      { text: words("putBack", { answer: nameOf(before) }), act: () => this.#session.putBack({ token, before, version }) },
      { text: words("keepNew", { answer: nameOf(now) }) },
    ];
    this.notify(words("stale", { before: nameOf(before), now: nameOf(now) }), { about: `stale ${token}`, choices });
  }

  /** The study is paused, say, or somebody else is signed in; null when that is over. */
  refuse(refusal) {
    this.notify(refusal?.text ?? "", { about: "refusal" });
    this.#saving.refuse(refusal);
  }

  // --- The strip of the last images ---

  /** Show or hide it; the rater's choice is kept. */
  toggleStrip() {
    prefer("strip", !preference("strip", true));
    this.#look.refit(() => this.#renderStrip());
  }

  #renderStrip() {
    at("strip").hidden = !preference("strip", true);
    // Its pictures come after all that the rater needs next.
    const wanted = !at("strip").hidden && matchMedia(WIDE).matches && this.#session.answered && this.#stage.complete;
    if (wanted && !this.#strip) this.#loadStrip();
  }

  async #loadStrip() {
    this.#strip = true;
    try {
      const { Strip } = await import("./strip.js");
      this.#strip = new Strip({ session: this.#session, stage: this.#stage });
    } catch (error) {
      // The next image brings the next try.
      console.warn("The strip can’t be loaded.", error);
      this.#strip = null;
    }
  }

  #render() {
    const { view, number, answered, total, reviewed, latest } = this.#session;
    const grader = at("grader");
    grader.dataset.view = view;
    grader.dataset.reviewing = reviewed !== null;
    at("progress-text").textContent = words("progress", { number: view === "finished" ? answered : number, total });
    Object.assign(at("progress-bar"), { max: Math.max(total, 1), value: answered });
    at("finished").hidden = view !== "finished" || total === 0;
    at("nothing").hidden = view !== "finished" || total > 0;
    at("reviewing").hidden = reviewed === null;
    if (reviewed) at("reviewing-text").textContent = words("last", { number: reviewed.number, answer: nameOf(reviewed.given) });
    at("last").textContent = latest ? words("last", { number: latest.number, answer: nameOf(latest.given) }) : "";
    this.#renderFinished();
  }

  #renderFinished() {
    const { size } = this.#outbox;
    at("finished-waiting").hidden = size === 0;
    at("finished-saved").hidden = size > 0;
  }
}
