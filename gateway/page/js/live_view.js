// What is seen while a live stream runs: the picture with boxes, the verdict, the last minute, quiet figures.

import { Boxes } from "./boxes.js";
import { make, setText } from "./dom.js";
import { LastMinute } from "./live_minute.js";
import { LiveVerdict } from "./live_verdict.js";

const EVERY_MS = 500;
const MOST_DELAYS = 25;

export class LiveView {
  #boxes = new Boxes();
  #delays = [];
  #times = [];
  #mirrored = true;
  #record;
  #clock;
  #timer;

  /**
   * @param {import("./live_record.js").LiveRecord} record
   * @param {{modalities: string[], camera: boolean, clock: () => number}} how `clock` gives the seconds of the session
   */
  constructor(record, { modalities, camera, clock }) {
    this.#record = record;
    this.#clock = clock;
    this.video = make("video", { autoplay: true, playsinline: true, "aria-label": "What the camera sees" });
    this.video.muted = true;
    this.frame = make("div", { class: "stage-frame" }, this.video, this.#boxes.element);
    this.frame.style.setProperty("--ratio", 4 / 3);
    for (const name of ["loadedmetadata", "resize"]) this.video.addEventListener(name, () => this.#fit());
    this.verdict = new LiveVerdict();
    this.minute = new LastMinute(modalities);
    this.figures = make("p", { class: "fine live-figures" });
    const stage = camera ? make("div", { class: "stage" }, this.frame) : make("p", { class: "ear-word", text: "The microphone is on: speak." });
    this.element = make("div", { class: `live-body${camera ? "" : " ear-only"}` },
      make("div", { class: "live-left" }, stage, this.figures), this.verdict.element, this.minute.element);
    this.mirror(true);
    this.#timer = setInterval(() => this.#draw(), EVERY_MS);
    this.#draw();
  }

  /** Show the picture as in a mirror, or as others see it. */
  mirror(mirrored) {
    this.#mirrored = mirrored;
    this.frame.classList.toggle("mirrored", mirrored);
    this.#boxes.show([]);
  }

  /** Draw the faces of one frame. @param {number|null} delay milliseconds since it was taken */
  showFaces({ faces }, delay) {
    this.#boxes.show(this.#mirrored ? faces.map(mirroredFace) : faces);
    this.#times = [...this.#times, performance.now()].slice(-MOST_DELAYS);
    if (delay !== null) this.#delays = [...this.#delays, delay].slice(-MOST_DELAYS);
  }

  showMoment({ moment, baseline }) {
    this.verdict.show(moment, baseline);
  }

  /** Say how quick it is, and what was left out. @param {number} skipped pictures that this browser did not send */
  showCounts({ frames, sound }, skipped) {
    const parts = [];
    if (frames.received) {
      const [first, last] = [this.#times[0], this.#times.at(-1)];
      if (this.#times.length > 2) parts.push(`${((1000 * (this.#times.length - 1)) / (last - first)).toFixed(1)} frames a second`);
      if (this.#delays.length) parts.push(`${Math.round(median(this.#delays))} ms from picture to box`);
      parts.push(`${frames.dropped} of ${frames.received} frames dropped as stale`);
      if (frames.lost) parts.push(`${frames.lost} not answered`);
      if (skipped) parts.push(`${skipped} not sent`);
    }
    if (sound.dropped + sound.lost > 0) parts.push(`${(sound.dropped + sound.lost).toFixed(1)} s of sound left out`);
    setText(this.figures, parts.join(" · "));
  }

  close() {
    clearInterval(this.#timer);
    this.video.srcObject = null;
  }

  #draw() {
    this.minute.show(this.#record, this.#clock());
  }

  #fit() {
    const { videoWidth, videoHeight } = this.video;
    if (videoWidth) this.frame.style.setProperty("--ratio", videoWidth / videoHeight);
  }
}

function mirroredFace(face) {
  return { ...face, box: { ...face.box, x: 1 - face.box.x - face.box.width } };
}

function median(numbers) {
  return [...numbers].sort((one, other) => one - other)[numbers.length >> 1];
}
