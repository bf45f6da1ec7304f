// Marks over the lanes of a timeline, with the time at each.

import { make } from "./dom.js";
import { clock } from "./wording.js";

const STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];
const MOST_STEPS = 8;

/** Draw the ruler of media that begin at 0. */
export function drawRuler(seconds) {
  const step = STEPS.find((candidate) => seconds / candidate <= MOST_STEPS) ?? STEPS.at(-1);
  const times = [];
  for (let time = 0; time < seconds - step * 0.35; time += step) times.push(time);
  return draw(times.map((time, number) => mark(time / seconds, step / seconds, { text: inWords(time), between: number % 2 === 1 })));
}

/** Draw the ruler of the last seconds, counted backwards. */
export function drawRulerBack(seconds) {
  return draw([0, 1, 2].map((third) => mark(third / 3, 1 / 3, { text: `${seconds - (third * seconds) / 3} s ago` })));
}

function draw(marks) {
  return make("div", { class: "ruler", "aria-hidden": "true" }, marks);
}

/** Every second mark is one between: a narrow ruler goes without them. */
function mark(at, step, { text, between = false }) {
  const css = { "--at": `${at * 100}%`, "--step": `${step * 100}%` };
  return make("span", { class: `tick${between ? " between" : ""}`, css }, make("span", { text }));
}

function inWords(time) {
  return time < 60 ? `${Number(time.toFixed(1))} s` : clock(time).replace(/\.0$/, "");
}
