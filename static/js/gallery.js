// Tells how many pictures of a gallery are selected, and selects a group at once. The forms work without it.

function boxes(root) {
  return [...root.querySelectorAll('input[type="checkbox"][name="images"]')];
}

function tell(form) {
  const count = boxes(form).filter((box) => box.checked).length;
  const clusters = form.querySelectorAll('input[name="clusters"]:checked').length;
  const words = [`${count} picture${count === 1 ? "" : "s"} selected`];
  if (clusters) words.push(`${clusters} cluster${clusters === 1 ? "" : "s"} selected`);
  form.querySelector("[data-selected]").textContent = count || clusters ? words.join(", ") : "";
}

function addSelectAll(form, list) {
  if (boxes(list).length < 2) return;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button plain small";
  button.textContent = `Select these ${boxes(list).length}`;
  button.addEventListener("click", () => {
    const all = boxes(list).every((box) => box.checked);
    for (const box of boxes(list)) box.checked = !all;
    tell(form);
  });
  list.before(button);
}

for (const form of document.querySelectorAll("form[data-gallery]")) {
  if (!form.querySelector("[data-selected]")) continue;
  for (const list of form.querySelectorAll(".gallery:not(.small-tiles)")) addSelectAll(form, list);
  form.addEventListener("change", () => tell(form));
  tell(form);
}
