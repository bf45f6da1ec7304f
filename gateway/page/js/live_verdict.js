// The verdict of a live stream: what face and voice showed over the last seconds, changed in place.

import { announce, make, setAttribute, setText } from "./dom.js";
import { EMOTIONS, glyph } from "./emotions.js";
import { judgement, leaning, percent } from "./wording.js";

// A screen reader is told of a change, but not more often than it can speak.
const TELL_EVERY_MS = 6000;

export class LiveVerdict {
  #label = null;
  #told = -Infinity;
  #rows;

  constructor() {
    this.head = make("div", { class: "verdict-head" });
    this.sureness = make("p", { class: "sureness" });
    this.#rows = Object.fromEntries(EMOTIONS.map((emotion) => [emotion, makeRow(emotion)]));
    this.table = make("table", { class: "scores" },
      make("caption", { class: "unseen", text: "Scores of the seven emotions over the last seconds" }),
      make("thead", { class: "unseen" }, make("tr", {}, ["emotion", "share", "score"].map((text) => make("th", { scope: "col", text })))),
      make("tbody", {}, Object.values(this.#rows).map(({ row }) => row)));
    this.face = make("dd", {});
    this.voice = make("dd", {});
    this.leaning = make("p", { class: "fine leaning", hidden: true });
    this.element = make("section", { class: "verdict live-verdict", "aria-label": "Now" },
      this.head, this.sureness, this.table,
      make("dl", { class: "readings" },
        make("div", {}, make("dt", { text: "Face" }), this.face), make("div", {}, make("dt", { text: "Voice" }), this.voice)),
      this.leaning);
    this.show(null, null, "Waiting for the first seconds.");
  }

  /**
   * @param {any|null} moment as in an analysis
   * @param {{start: number, readings: number}|null} [baseline] what the voice's scores lean on
   * @param {string} [why] what to say where there is none
   */
  show(moment, baseline = null, why = "Neither a face nor speech in the last seconds, and nothing is made up.") {
    this.#showHead(moment);
    this.element.classList.toggle("none", !moment);
    setAttribute(this.element, "data-emotion", moment?.label ?? null);
    setText(this.sureness, moment ? sureness(moment) : why);
    this.sureness.classList.toggle("unsure", Boolean(moment?.uncertain));
    for (const emotion of EMOTIONS) {
      const { row, fill, figure } = this.#rows[emotion];
      const score = moment?.scores[emotion] ?? 0;
      fill.style.setProperty("width", `${score * 100}%`);
      setText(figure, moment ? percent(score) : "–");
      row.classList.toggle("top-score", moment?.label === emotion);
    }
    showReading(this.face, moment?.face);
    showReading(this.voice, moment?.speech);
    this.leaning.hidden = !baseline;
    if (baseline) setText(this.leaning, `Its reading ${leaning(baseline)}.`);
  }

  #showHead(moment) {
    const label = moment?.label ?? "";
    if (label !== this.#label) {
      this.#label = label;
      this.share = make("span", { class: "verdict-share" });
      this.head.replaceChildren(...(moment
        ? [glyph(label), make("p", { class: "verdict-label" }, make("span", { text: label }), " ", this.share)]
        : [make("p", { class: "verdict-label", text: "Nothing to read" })]));
      if (moment && performance.now() - this.#told > TELL_EVERY_MS) {
        this.#told = performance.now();
        announce(`Now: ${judgement(moment)}`);
      }
    }
    if (moment) setText(this.share, percent(moment.confidence));
  }
}

function sureness({ uncertain }) {
  return uncertain ? "Uncertain: take it as a hint." : "Sure enough for the networks to commit themselves.";
}

function makeRow(emotion) {
  const fill = make("div", { class: "bar-fill" });
  const figure = make("td", {});
  const row = make("tr", { "data-emotion": emotion },
    make("th", { scope: "row" }, make("span", {}, glyph(emotion), emotion)), make("td", { class: "bar-cell" }, make("div", { class: "bar" }, fill)), figure);
  return { row, fill, figure };
}

function showReading(place, reading) {
  const text = reading ? `${reading.label} ${percent(reading.scores[reading.label])}` : "nothing";
  if (place.dataset.says === text) return;
  place.dataset.says = text;
  place.replaceChildren(...(reading ? [glyph(reading.label)] : []), make("span", { text }));
}
