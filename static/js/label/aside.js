// The answers that the server would not take: to be seen, tried again, or discarded knowingly.

import { made, nameOf, words } from "./page.js";
import { asGiven } from "./session.js";

/** Opens a dialog over any page that has an outbox. */
export function openAside(outbox) {
  const list = made("ul", { className: "aside-list" });
  const again = button("asideAgain", "button primary", () => outbox.tryAgain());
  const discard = button("asideDiscard", "button", () => {
    // Twice, as nothing brings them back.
    if (discard.dataset.sure) outbox.discard();
    else Object.assign(discard, { textContent: words("asideSure") }).dataset.sure = "yes";
  });
  const close = button("asideClose", "button", () => dialog.close());
  const title = made("h2", { id: "aside-title", textContent: words("asideTitle") });
  const dialog = made("dialog", { className: "label-dialog" }, [
    title,
    made("p", { textContent: words("asideIntro") }),
    list,
    made("p", { className: "dialog-buttons" }, [discard, close, again]),
  ]);
  dialog.setAttribute("aria-labelledby", title.id);
  const render = () => (outbox.aside.length ? list.replaceChildren(...outbox.aside.map(row)) : dialog.close());
  outbox.addEventListener("state", render);
  dialog.addEventListener("close", () => {
    outbox.removeEventListener("state", render);
    dialog.remove();
  });
  document.body.append(dialog);
  dialog.showModal();
  render();
}

function row({ answer, refusal }) {
  const time = answer.client_time ? new Date(answer.client_time).toLocaleString(document.documentElement.lang) : "–";
  const said = made("strong", { textContent: words("asideItem", { answer: nameOf(asGiven(answer)), time }) });
  return made("li", {}, [said, " ", refusal.text]);
}

function button(word, className, act) {
  const element = made("button", { type: "button", className, textContent: words(word) });
  element.addEventListener("click", act);
  return element;
}
