// Shows the rows for own levels only when they are asked for. Without this script they are always there.

const scale = document.getElementById("id_scale");
const rows = document.querySelector("[data-own-levels]");

function follow() {
  rows.hidden = scale.value !== "own";
}

scale.addEventListener("change", follow);
follow();
