// What the timeline draws: stretches of scores as bands, one an emotion, stacked to the lane's height.

import { draw, make } from "./dom.js";
import { EMOTIONS } from "./emotions.js";

/**
 * @typedef {{start: number, end: number, scores: Record<string, number>, label: string, confidence: number,
 *   uncertain: boolean}} Stretch
 * @typedef {{name: string, kind: "fused"|"person"|"voice"|"sound", stretches: Stretch[], missing: string|null}} Lane
 */

const MOST_PEOPLE = 6;

/**
 * Give the lanes of an analysis, from the top.
 * @returns {{lanes: Lane[], unshown: number}} and how many people have no lane
 */
export function lanesOf(analysis) {
  if (analysis.reading) return { lanes: draftLanes(analysis), unshown: 0 };
  const lanes = [{ name: "Fused", kind: "fused", stretches: analysis.moments.map(whole), missing: missingFused(analysis) }];
  const people = [...analysis.people].sort((one, other) => other.frames - one.frames).slice(0, MOST_PEOPLE)
    .sort((one, other) => one.id - other.id);
  for (const person of people) {
    lanes.push({ name: `Person ${person.id}`, kind: "person", stretches: stretchesOf(analysis.frames ?? [], faceOf(person)), missing: null });
  }
  if (!people.length && analysis.media.kind === "film") {
    lanes.push({ name: "Faces", kind: "person", stretches: [], missing: missingFace(analysis) });
  }
  lanes.push({ name: "Voice", kind: "voice", stretches: (analysis.segments ?? []).map(whole), missing: missingVoice(analysis) });
  return { lanes, unshown: analysis.people.length - people.length };
}

/** While it is read: people are told apart, and face and voice joined, when all of it is there. */
function draftLanes({ media, frames, segments }) {
  const lanes = [{ name: "Fused", kind: "fused", stretches: [], missing: "Face and voice are joined when everything is read." }];
  if (media.kind === "film") lanes.push({ name: "Faces", kind: "person", stretches: stretchesOf(frames, largestFace), missing: null });
  if (media.audio) lanes.push({ name: "Voice", kind: "voice", stretches: segments.map(whole), missing: null });
  return lanes;
}

function largestFace({ faces }) {
  const area = ({ box }) => box.width * box.height;
  return faces.reduce((largest, face) => (largest && area(largest) >= area(face) ? largest : face), undefined);
}

function whole({ start, end, scores, label, confidence, uncertain }) {
  return { start, end, scores, label, confidence, uncertain };
}

// Notices that say why a lane is empty; every notice, known here or not, stands above the result as well.
const WHY_NO_FACE = ["no-frames", "no-face", "face-unavailable", "face-incomplete"];
const WHY_NO_VOICE = ["no-audio", "no-sound", "no-speech", "speech-unavailable", "speech-incomplete"];

const noticed = ({ notices }, codes) => notices.find(({ code }) => codes.includes(code))?.message;

function missingFused({ moments }) {
  return moments.length ? null : "There was nothing to fuse.";
}

function missingFace(analysis) {
  return noticed(analysis, WHY_NO_FACE) ?? (analysis.models.face ? "No face was found." : "Faces were not asked for.");
}

function missingVoice(analysis) {
  if (analysis.segments?.length) return null;
  return noticed(analysis, WHY_NO_VOICE) ?? (analysis.models.speech ? "No speech was found." : "The voice was not asked for.");
}

const faceOf = ({ id }) => ({ faces }) => faces.find((face) => face.person === id);

/**
 * Give a face of each frame as stretches, each lasting until the next frame; a gap where there is none.
 * @param {any[]} frames
 * @param {(frame: any) => any} pick the face that is wanted, or undefined
 * @param {number} [longest] seconds that it may last at least, where frames are sampled unevenly
 * @returns {Stretch[]}
 */
export function stretchesOf(frames, pick, longest = 0) {
  const steps = frames.slice(1).map((frame, at) => frame.t - frames[at].t).sort((one, other) => one - other);
  const usual = steps.length ? steps[Math.floor(steps.length / 2)] : 1;
  return frames.flatMap((frame, at) => {
    const face = pick(frame);
    if (!face) return [];
    const next = frames[at + 1]?.t ?? Infinity;
    return [whole({ ...face, start: frame.t, end: Math.min(next, frame.t + Math.max(longest, 1.5 * usual)) })];
  });
}

/** Give the stretch of a lane at a time, or null. Stretches are in order and do not overlap. */
export function stretchAt(lane, time) {
  let [low, high] = [0, lane.stretches.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (lane.stretches[middle].end <= time) low = middle + 1;
    else high = middle;
  }
  const found = lane.stretches[low];
  return found && found.start <= time + 1e-3 ? found : null;
}

/** Draw the bands of a lane; a viewBox of seconds by 1 makes them fit any width. */
export function drawBands(lane, seconds) {
  const picture = draw("svg", { class: "bands", viewBox: `0 0 ${seconds} 1`, preserveAspectRatio: "none", "aria-hidden": "true" });
  const paths = Object.fromEntries(EMOTIONS.map((emotion) => [emotion, []]));
  for (const { start, end, scores } of lane.stretches) {
    let base = 1;
    for (const emotion of EMOTIONS) {
      const top = Math.max(0, base - scores[emotion]);
      if (scores[emotion] > 0.002) paths[emotion].push(`M${round(start)} ${round(base)}V${round(top)}H${round(end)}V${round(base)}Z`);
      base = top;
    }
  }
  for (const emotion of EMOTIONS) {
    if (paths[emotion].length) picture.append(draw("path", { d: paths[emotion].join(""), "data-emotion": emotion }));
  }
  return picture;
}

const round = (number) => Number(number.toFixed(4));

/** Mark where the networks are unsure: neighbours are joined, so that a long film makes few elements. */
export function drawUnsure(lane, seconds) {
  const joined = [];
  for (const { start, end, uncertain } of lane.stretches) {
    const last = joined.at(-1);
    if (!uncertain) continue;
    if (last && start - last.end < 1e-3) last.end = end;
    else joined.push({ start, end });
  }
  return joined.map(({ start, end }) => make("div", { class: "unsure-mark", css: spread(start, end, seconds) }));
}

/** Write labels into stretches that follow each other with the same label. */
export function drawLabels(lane, seconds) {
  const runs = [];
  for (const { start, end, label, uncertain } of lane.stretches) {
    const last = runs.at(-1);
    if (last && last.label === label && last.uncertain === uncertain && start - last.end < 1e-3) last.end = end;
    else runs.push({ start, end, label, uncertain });
  }
  return runs.map(({ start, end, label, uncertain }) => make(
    "div", { class: "run", css: spread(start, end, seconds), "data-emotion": label },
    make("span", { text: uncertain ? `${label}?` : label }),
  ));
}

function spread(start, end, seconds) {
  return { left: `${(start / seconds) * 100}%`, width: `${((end - start) / seconds) * 100}%` };
}
