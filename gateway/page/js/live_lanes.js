// The lanes of a live session: as a whole, or of its last minute.

import { stretchesOf } from "./lanes.js";

const MOST_PEOPLE = 4;
const LONGEST = 0.8; // seconds that a face lasts, where frames were dropped

/**
 * Give the lanes, from the top.
 * @param {import("./live_record.js").LiveRecord} record
 * @param {{modalities: string[], from?: number}} what `from`: nothing before this second
 * @returns {import("./lanes.js").Lane[]}
 */
export function liveLanes(record, { modalities, from = 0 }) {
  const frames = since(record.frames, from, ({ t }) => t);
  const lanes = [];
  if (modalities.length > 1) lanes.push({ name: "Fused", kind: "fused", stretches: momentStretches(since(record.moments, from, ({ end }) => end)), missing: null });
  if (modalities.includes("face")) lanes.push(...personLanes(frames));
  if (modalities.includes("speech")) lanes.push({ name: "Voice", kind: "voice", stretches: since(record.segments, from, ({ end }) => end), missing: null });
  return lanes.map((lane) => ({ ...lane, missing: lane.stretches.length ? null : NOTHING[lane.kind] }));
}

const NOTHING = { fused: "Nothing seen or heard yet.", person: "No face in view.", voice: "No speech yet." };

function since(list, from, timeOf) {
  let first = list.length;
  while (first > 0 && timeOf(list[first - 1]) > from) first -= 1;
  return list.slice(first);
}

/** Each lasts from the one before; it looks back further, which its own figures tell. */
export function momentStretches(moments) {
  return moments.flatMap(({ end, moment }, at) => {
    const before = moments[at - 1]?.end ?? 0;
    return moment ? [{ ...moment, start: end - before > 2.5 ? Math.max(0, end - 1) : before, end }] : [];
  });
}

function personLanes(frames) {
  const counts = new Map();
  for (const { faces } of frames) for (const { person } of faces) if (person) counts.set(person, (counts.get(person) ?? 0) + 1);
  const ids = [...counts].sort(([, one], [, other]) => other - one).slice(0, MOST_PEOPLE).map(([id]) => id).sort((one, other) => one - other);
  if (!ids.length) return [{ name: "Faces", kind: "person", stretches: [] }];
  return ids.map((id) => ({ name: `Person ${id}`, kind: "person", stretches: stretchesOf(frames, ({ faces }) => faces.find((face) => face.person === id), LONGEST) }));
}
