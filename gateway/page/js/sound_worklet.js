// Runs beside the sound card's clock: collects samples into blocks of a tenth of a second, 16 bits each, and tells when each ended.

class Blocks extends AudioWorkletProcessor {
  #block = new Int16Array(Math.round(sampleRate / 10));
  #filled = 0;

  process([[samples]]) {
    for (const sample of samples ?? []) {
      this.#block[this.#filled] = Math.max(-32768, Math.min(32767, Math.round(sample * 32768)));
      this.#filled += 1;
      if (this.#filled === this.#block.length) {
        this.port.postMessage({ samples: this.#block, until: currentTime }, [this.#block.buffer]);
        this.#block = new Int16Array(Math.round(sampleRate / 10));
        this.#filled = 0;
      }
    }
    return true;
  }
}

registerProcessor("blocks", Blocks);
