// A live session once it is over: its timeline, and all of it as JSON.

import { copyButton, make } from "./dom.js";
import { liveLanes, momentStretches } from "./live_lanes.js";
import { silentPlayer } from "./player.js";
import { save } from "./raw.js";
import { drawTable } from "./result.js";
import { Timeline } from "./timeline.js";
import { clock } from "./wording.js";

/**
 * Draw what a session left behind.
 * @param {import("./live_record.js").LiveRecord} record
 * @param {string[]} modalities
 */
export function drawReview(record, modalities) {
  const pretty = () => JSON.stringify(record, null, 1);
  const name = `live ${new Date().toISOString().slice(0, 19).replaceAll(":", "-")}.json`;
  const saveButton = make("button", { type: "button", class: "button small", text: "Save as JSON", on: { click: () => save(new Blob([pretty()], { type: "application/json" }), name) } });
  const lanes = liveLanes(record, { modalities });
  const player = silentPlayer(Math.max(record.seconds, 0.1));
  const timeline = new Timeline({ analysis: { media: {}, frames: record.frames }, file: null, player, found: { lanes, unshown: Math.max(0, record.people().length - lanes.filter(({ kind }) => kind === "person").length) } });
  const element = make(
    "div", { class: "live-review" },
    make("h3", { text: `${clock(record.seconds)} that you were live` }),
    make("p", { class: "fine", text: "Pictures and sound were not kept, neither here nor on the server. These figures are in this page only, and go when you close it." }),
    timeline.element,
    drawTable({ moments: momentStretches(record.moments), frames: record.frames }),
    make("div", { class: "row" }, saveButton, copyButton("Copy JSON", pretty)),
  );
  return { element, close: () => player.close() };
}
