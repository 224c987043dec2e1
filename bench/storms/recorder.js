// Notes, from outside the page's own program, what the page took, what it said, and what the server told it.
(() => {
  const facts = [];
  const GRADE = /^[1-5]$/;
  const clock = () => Date.now() / 1000;
  const note = (kind, detail) => facts.push({ kind, at: clock(), ...detail });
  const tokenShown = () => document.querySelector(".picture.shown")?.getAttribute("src")?.match(/\/i\/([^/.]+)\.jpg/)?.[1] ?? null;

  // While looking back, the grade that is given already: giving it again is no answer.
  const chosen = () => document.querySelector(".level[aria-pressed=true]")?.dataset.key ?? null;

  // Of all listeners the first and the last: what stood there when the key came, and what the page made of it.
  let before = {};
  addEventListener("keydown", () => (before = { at: clock(), token: tokenShown(), chosen: chosen() }), true);
  addEventListener("keydown", ({ key }) => {
    const { at, token } = before;
    if (GRADE.test(key) && key !== before.chosen && token && tokenShown() !== token) note("given", { at, taken: clock(), token, level: Number(key) });
  });

  // The page warns of grades that would be lost; this rater leaves all the same.
  addEventListener("beforeunload", (event) => event.stopImmediatePropagation(), true);

  let said = "";
  const listen = () => {
    const line = document.getElementById("saving");
    const text = document.getElementById("saving-text");
    if (!line || !text) return;
    const now = JSON.stringify([line.dataset.state, text.textContent]);
    if (now !== said) note("said", { state: line.dataset.state, text: text.textContent });
    said = now;
  };
  new MutationObserver(listen).observe(document, { subtree: true, childList: true, characterData: true, attributeFilter: ["data-state"] });
  note("load", {});

  const plain = window.fetch;
  window.fetch = function (address, options) {
    const told = plain.apply(this, arguments);
    if (options?.method === "POST" && String(address).includes("/answers")) told.then(confirmed, () => null);
    return told;
  };

  async function confirmed(response) {
    if (!response.ok) return;
    // A connection that breaks here confirms nothing, to the page neither.
    const message = await response.clone().json().catch(() => null);
    const keys = (message?.outcomes ?? []).filter(({ status }) => status !== "refused").map((outcome) => outcome.client_key);
    // Told at once: what this page knows now it may tell the other tabs, and be gone before anybody asks.
    if (keys.length) window.__confirmed({ at: clock(), width: innerWidth, keys });
  }

  window.__storm = () => {
    const stage = document.getElementById("stage");
    return {
      facts: facts.splice(0),
      now: clock(),
      token: tokenShown(),
      chosen: chosen(),
      painted: stage?.dataset.painted === "true",
      view: document.getElementById("grader")?.dataset.view ?? null,
      reviewing: document.getElementById("grader")?.dataset.reviewing === "true",
      state: document.getElementById("saving")?.dataset.state ?? null,
      dialog: document.querySelector("dialog[open]") !== null,
    };
  };
})();
