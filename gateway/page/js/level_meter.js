// How loud the microphone is, as a bar.

import { make } from "./dom.js";

export class LevelMeter {
  #context = new AudioContext();
  #timer;

  /** @param {MediaStream} stream with sound */
  constructor(stream) {
    this.element = make("meter", { class: "level", min: 0, max: 1, "aria-label": "Loudness" });
    const analyser = new AnalyserNode(this.#context, { fftSize: 1024 });
    this.#context.createMediaStreamSource(stream).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    this.#timer = setInterval(() => {
      analyser.getFloatTimeDomainData(samples);
      const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
      // From 60 decibels below full level to full level.
      this.element.value = Math.max(0, Math.min(1, 1 + (10 * Math.log10(power + 1e-9)) / 60));
    }, 100);
  }

  close() {
    clearInterval(this.#timer);
    this.#context.close();
  }
}
