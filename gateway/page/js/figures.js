// The seven scores of every lane at one point in time, as a table.

import { make, setAttribute, setText } from "./dom.js";
import { EMOTIONS, glyph } from "./emotions.js";
import { clock } from "./wording.js";

/** @param {import("./lanes.js").Lane[]} lanes */
export class FiguresTable {
  #rows;

  constructor(lanes) {
    this.caption = make("caption", {});
    this.#rows = lanes.filter((lane) => lane.stretches.length).map((lane) => makeRow(lane));
    this.shown = lanes.map((lane) => lane.stretches.length > 0);
    const heads = EMOTIONS.map((emotion) => make(
      "th", { scope: "col", title: emotion }, glyph(emotion), make("span", { class: "emotion-word", text: emotion }),
    ));
    this.element = make(
      "div", { class: "figures", hidden: !this.#rows.length },
      make("table", {}, this.caption,
        make("thead", {}, make("tr", {}, make("td", { class: "corner" }), heads)),
        make("tbody", {}, this.#rows.map(({ row }) => row))),
    );
  }

  /** @param {(import("./lanes.js").Stretch|null)[]} found for each lane */
  show(time, found) {
    setText(this.caption, `Scores at ${clock(time)}, in per cent`);
    const stretches = found.filter((_, lane) => this.shown[lane]);
    this.#rows.forEach(({ row, cells }, at) => {
      const stretch = stretches[at];
      row.classList.toggle("unsure", Boolean(stretch?.uncertain));
      EMOTIONS.forEach((emotion, column) => {
        const cell = cells[column];
        const score = stretch?.scores[emotion];
        setText(cell, score === undefined ? "" : String(Math.round(score * 100)));
        cell.style.setProperty("--score", score === undefined ? "0%" : `${Math.round(score * 100)}%`);
        setAttribute(cell, "data-top", stretch?.label === emotion ? "" : null);
      });
    });
  }
}

function makeRow(lane) {
  const cells = EMOTIONS.map((emotion) => make("td", { "data-emotion": emotion }));
  return { cells, row: make("tr", {}, make("th", { scope: "row", text: lane.name }), cells) };
}
