// Boxes and labels over a picture or a film.

import { make, setAttribute, setText } from "./dom.js";
import { judgement, percent } from "./wording.js";

/** Draws faces; boxes are fractions of the picture, so they fit it at any size. */
export class Boxes {
  #drawn = [];

  constructor() {
    this.element = make("div", { class: "boxes", "aria-hidden": "true" });
  }

  /** @param {any[]} faces */
  show(faces) {
    while (this.#drawn.length < faces.length) this.#drawn.push(this.#add());
    this.#drawn.forEach((parts, number) => {
      const face = faces[number];
      parts.box.hidden = !face;
      if (face) paint(parts, face);
    });
  }

  #add() {
    const label = make("span", { class: "box-label" });
    const box = make("div", { class: "box" }, label);
    this.element.append(box);
    return { box, label };
  }
}

function paint({ box, label }, face) {
  const { x, y, width, height } = face.box;
  for (const [name, share] of Object.entries({ left: x, top: y, width, height })) {
    box.style.setProperty(name, `${(share * 100).toFixed(3)}%`);
  }
  setAttribute(box, "data-emotion", face.label);
  box.classList.toggle("unsure", face.uncertain);
  box.classList.toggle("label-below", y < 0.08);
  box.classList.toggle("label-left", x > 0.6);
  const who = face.person ? `${face.person} · ` : "";
  setText(label, `${who}${face.label} ${percent(face.confidence)}${face.uncertain ? " ?" : ""}`);
}

/** Say in words what the boxes show, for those who do not see them. */
export function describeFaces(faces) {
  if (!faces.length) return "No face.";
  return faces.map((face) => `${face.person ? `Person ${face.person}` : "A face"}: ${judgement(face)}`).join(". ");
}

/**
 * Gives the faces to draw at any time: those of the frame just sampled, moved towards where the next frame
 * has them.
 */
export class FaceTrack {
  /** @param {any[]} frames in order of time */
  constructor(frames) {
    this.frames = frames;
    this.measure();
  }

  /** Learn how far frames are apart; after a frame without a successor in reach, boxes stay 2.5 times as long. */
  measure() {
    const { frames } = this;
    const gaps = frames.slice(1).map((frame, at) => frame.t - frames[at].t).sort((one, other) => one - other);
    this.step = gaps.length ? gaps[Math.floor(gaps.length / 2)] : 1;
  }

  /** Index of the last frame at or before `time`; -1 before the first. */
  indexAt(time) {
    let [low, high] = [0, this.frames.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.frames[middle].t <= time + 1e-3) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /** Faces of the frame sampled last, as they are. */
  sampledAt(time) {
    const frame = this.frames[this.indexAt(time)];
    return frame && time - frame.t < 2.5 * this.step ? frame.faces : [];
  }

  facesAt(time) {
    const faces = this.sampledAt(time);
    const at = this.indexAt(time);
    const [frame, next] = [this.frames[at], this.frames[at + 1]];
    if (!faces.length || !next || next.t - frame.t > 2.5 * this.step) return faces;
    const share = (time - frame.t) / (next.t - frame.t);
    return faces.map((face) => {
      const later = face.person && next.faces.find((other) => other.person === face.person);
      return later ? { ...face, box: between(face.box, later.box, share) } : face;
    });
  }
}

function between(from, to, share) {
  return Object.fromEntries(Object.keys(from).map((name) => [name, from[name] + (to[name] - from[name]) * share]));
}
