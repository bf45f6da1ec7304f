// One analysis, put together: what was uploaded, what was found in it, what is missing, and the raw answer.

import { FaceTrack } from "./boxes.js";
import { copyButton, make } from "./dom.js";
import { glyph } from "./emotions.js";
import { drawRaw } from "./raw.js";
import { showFilm, showPicture } from "./stage.js";
import { Timeline } from "./timeline.js";
import { drawVerdict } from "./verdict.js";
import { clock, describeMedia, judgement, percent } from "./wording.js";

const MOST_PEOPLE_LISTED = 24;

/**
 * Draw a result.
 * @param {{analysis: any, file: File, query: URLSearchParams, job: string|null}} answer
 * @param {import("./player.js").Opened} opened
 */
export function drawResult(answer, { url, player }) {
  const { analysis, file } = answer;
  const { kind } = analysis.media;
  const timeline = player && new Timeline({ analysis: { ...analysis, moments: analysis.moments ?? [] }, file, player });
  return make(
    "div", { class: `result-body ${kind}` },
    make("header", { class: "result-head" },
      make("h2", { id: "result-title", tabindex: -1, text: file.name }), make("p", { class: "fine", text: describeMedia(analysis.media) })),
    drawNotices(analysis),
    drawStage(analysis, url, player, file.name),
    drawVerdict(analysis),
    drawPeople(analysis),
    timeline?.element,
    kind === "sound" && player.element,
    timeline && drawTable(analysis),
    drawRaw(answer),
    drawOrigin(analysis),
  );
}

function drawStage(analysis, url, player, name) {
  if (analysis.media.kind === "picture") return showPicture(analysis, url, name);
  return analysis.media.kind === "film" ? showFilm(analysis, player).element : null;
}

/** Say what is missing and why. */
function drawNotices({ status, notices }) {
  if (!notices.length && status === "complete") return null;
  const partial = status === "partial";
  return make(
    "div", { class: `notices${partial ? " partial" : ""}`, role: "note" },
    partial && make("p", {}, make("strong", { text: "Partial. " }), "Something that was asked for could not be read; what is here is as good as ever."),
    notices.map((notice) => make("p", { text: notice.message })),
  );
}

function drawPeople({ people, media }) {
  if (!people.length || (media.kind === "picture" && people.length < 2)) return null;
  const shown = people.slice(0, MOST_PEOPLE_LISTED);
  return make(
    "section", { class: "people", "aria-label": "People" }, make("h3", { text: people.length === 1 ? "One person" : `${people.length} people` }),
    make("ul", {}, shown.map((person) => make(
      "li", {}, glyph(person.label),
      make("div", {}, make("p", {}, make("strong", { text: `Person ${person.id}` }), ` ${judgement(person)}`),
        media.kind === "film" && make("p", { class: "fine", text: `${clock(person.first_seen)} to ${clock(person.last_seen)}, ${person.frames} ${person.frames === 1 ? "frame" : "frames"}` })),
    ))),
    make("p", { class: "fine", text: `${people.length > shown.length ? `and ${people.length - shown.length} more. ` : ""}Numbers hold inside this analysis only: nobody is recognised.` }),
  );
}

/** The timeline once more, as a table: for those who read better than they see. */
export function drawTable(analysis) {
  if (!analysis.moments?.length) return null;
  const fold = make("details", { class: "fold" }, make("summary", { text: "The timeline as a table" }));
  fold.addEventListener("toggle", () => {
    if (fold.open && fold.childElementCount === 1) fold.append(momentsTable(analysis));
  });
  return fold;
}

function momentsTable({ moments, frames }) {
  const track = new FaceTrack(frames ?? []);
  const rows = moments.map((moment) => make(
    "tr", {}, make("th", { scope: "row", text: `${clock(moment.start)} – ${clock(moment.end)}` }),
    make("td", { text: judgement(moment) }), make("td", { text: said(moment.face) }), make("td", { text: said(moment.speech) }),
    make("td", { text: seen(track, moment) }),
  ));
  const head = ["From – to", "Fused", "Face", "Voice", "Seen"].map((text) => make("th", { scope: "col", text }));
  return make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "The timeline as a table" },
    make("table", { class: "moments" }, make("thead", {}, make("tr", {}, head)), make("tbody", {}, rows)));
}

const said = (reading) => (reading ? `${reading.label}, ${percent(reading.scores[reading.label])}` : "–");

function seen(track, { start, end }) {
  const ids = new Set();
  for (let at = Math.max(0, track.indexAt(start)); at < track.frames.length && track.frames[at].t < end; at += 1) {
    if (track.frames[at].t >= start) track.frames[at].faces.forEach((face) => { if (face.person) ids.add(face.person); });
  }
  return ids.size ? [...ids].sort((one, other) => one - other).map((id) => `person ${id}`).join(", ") : "–";
}

function drawOrigin({ id, models, timings_ms: timings, profile }) {
  const networks = Object.values(models).filter(Boolean).join(", ");
  return make("footer", { class: "origin fine" },
    make("p", {}, `Analysed in ${(timings.total / 1000).toFixed(2)} s with profile ${profile}: ${networks || "no network was needed"}.`),
    make("p", {}, make("span", { text: `${id} ` }), copyButton("Copy id", () => id)));
}
