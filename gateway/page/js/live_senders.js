// What goes into a live stream: single pictures and sound, which is quickest, or what a recorder makes of both.

const PICTURE = 1;
const SOUND = 2;
const WIDEST = 640; // the server reads no more
const MOST_BACKLOG = 400_000; // bytes; beyond it the line is too slow, and a picture more would only come late
const MOST_AWAITED = 100;

/** Put a packet together. @param {number} kind @param {number} t seconds @param {Uint8Array} body */
function packet(kind, t, body) {
  const message = new Uint8Array(16 + body.byteLength);
  const header = new DataView(message.buffer);
  header.setUint8(0, kind);
  header.setFloat64(8, t);
  message.set(body, 16);
  return message;
}

const ON_THE_CPU = { alpha: false, willReadFrequently: true };

/**
 * Give a canvas as JPEG, in some 5 ms. `toBlob` would leave it to an idle moment, which a busy page has
 * only after hundreds of milliseconds; a worker would need a policy of trusted types.
 */
function jpegOf(canvas) {
  const url = canvas.toDataURL("image/jpeg", 0.85);
  return Uint8Array.from(atob(url.slice(url.indexOf(",") + 1)), (letter) => letter.charCodeAt(0));
}

/** Sends what a video element shows, so many times a second. */
export class PictureSender {
  #video;
  #stream;
  #clock;
  #canvas = document.createElement("canvas");
  #timer;
  #sentAt = new Map();
  /** Pictures that were not sent, as the line was too slow. */
  skipped = 0;

  /**
   * @param {HTMLVideoElement} video
   * @param {import("./live_stream.js").LiveStream} stream
   * @param {{fps: number, clock: () => number}} how `clock` gives the seconds of the stream
   */
  constructor(video, stream, { fps, clock }) {
    this.#video = video;
    this.#stream = stream;
    this.#clock = clock;
    this.#timer = setInterval(() => this.#send(), 1000 / fps);
  }

  /** Give the milliseconds from a picture to its answer; null where the picture is not known. */
  delayOf(t) {
    const key = Math.round(t * 1000);
    const sent = this.#sentAt.get(key);
    this.#sentAt.delete(key);
    return sent === undefined ? null : performance.now() - sent;
  }

  stop() {
    clearInterval(this.#timer);
  }

  #send() {
    const { videoWidth: width, videoHeight: height } = this.#video;
    if (!width) return;
    if (this.#stream.backlog > MOST_BACKLOG) {
      this.skipped += 1;
      return;
    }
    const taken = performance.now();
    const t = Math.round(this.#clock() * 1000) / 1000;
    const scale = Math.min(1, WIDEST / width);
    this.#canvas.width = Math.round(width * scale);
    this.#canvas.height = Math.round(height * scale);
    this.#canvas.getContext("2d", ON_THE_CPU).drawImage(this.#video, 0, 0, this.#canvas.width, this.#canvas.height);
    this.#stream.send(packet(PICTURE, t, jpegOf(this.#canvas)));
    this.#sentAt.set(Math.round(t * 1000), taken);
    if (this.#sentAt.size > MOST_AWAITED) this.#sentAt.delete(this.#sentAt.keys().next().value);
  }
}

const WANTED_RATE = 16_000;

/** Opens a way to hear a microphone's samples; its rate must be told to the server before it sends. */
export class SoundSender {
  #context;
  #node;
  #stream = null;
  #clock;
  #next = null;

  /**
   * @param {MediaStream} devices
   * @param {() => number} clock gives the seconds of the stream
   */
  static async open(devices, clock) {
    const sender = new SoundSender();
    sender.#clock = clock;
    const microphone = sender.#listen(devices);
    await sender.#context.audioWorklet.addModule(new URL("./sound_worklet.js", import.meta.url));
    sender.#node = new AudioWorkletNode(sender.#context, "blocks", { numberOfOutputs: 0, channelCount: 1, channelCountMode: "explicit" });
    sender.#node.port.onmessage = ({ data }) => sender.#send(data);
    microphone.connect(sender.#node);
    await sender.#context.resume();
    return sender;
  }

  /** Samples a second. */
  get rate() {
    return this.#context.sampleRate;
  }

  /** @param {import("./live_stream.js").LiveStream} stream */
  start(stream) {
    this.#next = null;
    this.#stream = stream;
  }

  stop() {
    this.#stream = null;
    this.#context.close();
  }

  /** Some browsers resample a microphone, others refuse a rate that is not its own. */
  #listen(devices) {
    for (const sampleRate of [WANTED_RATE, 48_000]) {
      this.#context = new AudioContext({ sampleRate });
      try {
        return this.#context.createMediaStreamSource(devices);
      } catch {
        this.#context.close();
      }
    }
    this.#context = new AudioContext();
    return this.#context.createMediaStreamSource(devices);
  }

  /** Blocks follow on without gaps; only after a pause, as of a sleeping machine, the clock is asked anew. */
  #send({ samples, until }) {
    if (!this.#stream) return;
    const seconds = samples.length / this.rate;
    // A busy page takes blocks late, several at once: each belongs where it was heard.
    const late = this.#context.currentTime - until;
    const now = Math.max(0, this.#clock() - late - seconds);
    if (this.#next === null || now - this.#next > 0.5) this.#next = now;
    this.#stream.send(packet(SOUND, this.#next, new Uint8Array(samples.buffer)));
    this.#next += seconds;
  }
}

const TYPES = {
  film: ["video/webm;codecs=vp8,opus", "video/webm", "video/mp4"],
  sound: ["audio/webm;codecs=opus", "audio/mp4"],
};

/** Sends what the browser's recorder makes of camera and microphone. */
export class RecorderSender {
  #recorder;

  /**
   * @param {MediaStream} devices
   * @param {import("./live_stream.js").LiveStream} stream
   */
  constructor(devices, stream) {
    const kind = devices.getVideoTracks().length ? "film" : "sound";
    const mimeType = TYPES[kind].find((type) => MediaRecorder.isTypeSupported(type));
    this.#recorder = new MediaRecorder(devices, { mimeType, videoBitsPerSecond: 1_500_000 });
    this.#recorder.addEventListener("dataavailable", ({ data }) => { if (data.size) stream.send(data); });
    this.#recorder.start(200);
  }

  stop() {
    if (this.#recorder.state !== "inactive") this.#recorder.stop();
  }
}
