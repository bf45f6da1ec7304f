// The sound of a film or a sound, as a curve of loudness, decoded by the browser.

import { draw } from "./dom.js";

const MOST_BYTES = 80e6;
const MOST_SECONDS = 1800;
const RATE = 8000; // enough for a curve, and a sixth of the memory
const COLUMNS = 600;

/**
 * Give the loudest level of each column, 0..1.
 * @param {Blob} file
 * @param {{seconds: number, start?: number}} time that all columns last; when the first sample is heard, in seconds
 * @returns {Promise<number[]>}
 * @throws {Error} with what to tell, where it cannot be drawn
 */
export function readLevels(file, time) {
  if (!read.has(file)) read.set(file, decode(file, time));
  return read.get(file);
}

const read = new WeakMap(); // decoding is dear, and a result is drawn more than once

async function decode(file, { seconds, start = 0 }) {
  if (file.size > MOST_BYTES || seconds > MOST_SECONDS) throw new Error("Too long to draw here.");
  let sound;
  try {
    sound = await new OfflineAudioContext(1, 1, RATE).decodeAudioData(await file.arrayBuffer());
  } catch {
    throw new Error("This browser cannot decode this sound.");
  }
  const columns = Math.min(COLUMNS, Math.max(60, Math.round(seconds * 60)));
  const perColumn = (seconds * RATE) / columns;
  // What is decoded begins with the first sample, also where the film began before it.
  const first = Math.round(start * RATE);
  const levels = new Array(columns).fill(0);
  for (let channel = 0; channel < sound.numberOfChannels; channel += 1) {
    const samples = sound.getChannelData(channel);
    for (let column = 0; column < columns; column += 1) {
      const end = Math.min(samples.length, Math.floor((column + 1) * perColumn) - first);
      for (let at = Math.max(0, Math.floor(column * perColumn) - first); at < end; at += 1) {
        const level = Math.abs(samples[at]);
        if (level > levels[column]) levels[column] = level;
      }
    }
  }
  const loudest = Math.max(...levels, 1e-6);
  return levels.map((level) => level / loudest);
}

/** Draw levels as a mirrored curve. */
export function drawLevels(levels) {
  const path = levels.map((level, column) => {
    const half = Math.max(0.012, level * 0.48);
    return `M${column + 0.5} ${(0.5 - half).toFixed(3)}v${(2 * half).toFixed(3)}`;
  });
  return draw(
    "svg", { class: "levels", viewBox: `0 0 ${levels.length} 1`, preserveAspectRatio: "none", "aria-hidden": "true" },
    draw("path", { d: path.join("") }),
  );
}
