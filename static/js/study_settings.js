// Adds empty levels to the scale. Without this script there is one; saving shows the next.

const list = document.querySelector("[data-levels]");
const template = document.getElementById("level-template");
const total = document.querySelector("input[name=levels-TOTAL_FORMS]");
const most = Number(document.querySelector("input[name=levels-MAX_NUM_FORMS]")?.value ?? 0);
const button = document.querySelector("[data-add-level]");

function add() {
  const number = Number(total.value);
  if (number >= most) return;
  const holder = document.createElement("template");
  holder.innerHTML = template.innerHTML.replaceAll("__prefix__", String(number));
  list.append(holder.content);
  total.value = String(number + 1);
  button.hidden = number + 1 >= most;
  list.lastElementChild.querySelector("input:not([type=hidden])").focus();
}

if (button && total && template) {
  button.hidden = Number(total.value) >= most;
  button.addEventListener("click", add);
}
