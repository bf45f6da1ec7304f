// The last minute of a live session: lanes that move to the left.

import { make, setAttribute, setText } from "./dom.js";
import { drawBands, drawLabels, drawUnsure } from "./lanes.js";
import { liveLanes } from "./live_lanes.js";
import { drawRulerBack } from "./ruler.js";
import { judgement } from "./wording.js";

const SPANS = [15, 30, 60]; // seconds shown: a young session fills the width too

export class LastMinute {
  #modalities;

  /** @param {string[]} modalities that are read */
  constructor(modalities) {
    this.#modalities = modalities;
    this.title = make("h3", { id: "minute-title" });
    this.names = make("div", { class: "names", "aria-hidden": "true" });
    this.tracks = make("div", { class: "tracks still", role: "img" });
    this.element = make("section", { class: "timeline minute", "aria-labelledby": "minute-title" },
      this.title, make("div", { class: "lanes" }, this.names, this.tracks));
  }

  /**
   * @param {import("./live_record.js").LiveRecord} record
   * @param {number} now seconds of the session
   */
  show(record, now) {
    const seconds = SPANS.find((span) => now <= span) ?? SPANS.at(-1);
    const from = now - seconds;
    setText(this.title, seconds === 60 ? "The last minute" : `The last ${seconds} seconds`);
    const lanes = liveLanes(record, { modalities: this.#modalities, from: Math.max(0, from) });
    this.names.replaceChildren(make("div", { class: "ruler" }), ...lanes.map(({ kind, name }) => make("div", { class: `lane ${kind}` }, make("span", { text: name }))));
    this.tracks.replaceChildren(drawRulerBack(seconds), ...lanes.map((lane) => drawLane(lane, { from, seconds })));
    setAttribute(this.tracks, "aria-label", lanes.map(({ name, stretches }) => `${name}: ${stretches.length ? judgement(stretches.at(-1)) : "nothing"}`).join(". "));
  }
}

function drawLane(lane, { from, seconds }) {
  const shown = { ...lane, stretches: lane.stretches.map((stretch) => ({ ...stretch, start: Math.max(0, stretch.start - from), end: Math.min(seconds, stretch.end - from) })).filter(({ start, end }) => end > start) };
  return make("div", { class: `lane ${lane.kind}${shown.stretches.length ? "" : " empty"}` },
    shown.stretches.length > 0 && drawBands(shown, seconds), drawUnsure(shown, seconds),
    lane.kind !== "person" && drawLabels(shown, seconds), lane.missing && make("p", { class: "missing", text: lane.missing }));
}
