"use strict";
const pairs = document.querySelectorAll(".pair");
const slider = document.querySelector("#moment");
if (slider) {
  const show = () => pairs.forEach((pair, i) => pair.classList.toggle("shown", i === Number(slider.value)));
  slider.hidden = false;
  slider.addEventListener("input", show);
  show();
}
