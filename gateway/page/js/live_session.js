// One live session: devices, connection and senders held together; several connections may follow each other.

import { DeviceOpener, closeDevices } from "./camera.js";
import { PictureSender, RecorderSender, SoundSender } from "./live_senders.js";
import { LiveStream } from "./live_stream.js";

/**
 * @typedef {object} Wishes
 * @property {string[]} modalities
 * @property {number} fps
 * @property {string} profile
 * @property {boolean} baseline whether a voice's scores may lean on what is usual for it
 * @property {string} key
 * @property {"pictures"|"container"} source
 */

export class LiveSession {
  #opener = new DeviceOpener();
  #stream = null;
  #sound = null;
  #senders = [];
  #began = performance.now();
  #beganAt = 0;
  devices = null;

  /**
   * @param {Wishes} wishes
   * @param {import("./live_record.js").LiveRecord} record
   * @param {{onEvent: (event: any) => void, onEnd: (problem: object|null) => void}} listeners
   */
  constructor(wishes, record, { onEvent, onEnd }) {
    this.wishes = wishes;
    this.record = record;
    this.onEvent = onEvent;
    this.onEnd = onEnd;
  }

  /** Open the devices; stopped meanwhile, there are none. @throws {DOMException} where none is to be had */
  async openDevices(deviceId) {
    const { modalities } = this.wishes;
    this.devices = await this.#opener.open({ camera: modalities.includes("face"), microphone: modalities.includes("speech"), deviceId });
  }

  /** What can be read: what was asked for and is there. */
  get modalities() {
    const present = { face: this.devices.getVideoTracks().length > 0, speech: this.devices.getAudioTracks().length > 0 };
    return this.wishes.modalities.filter((modality) => present[modality]);
  }

  /** Seconds of the session, over all its connections. */
  seconds() {
    return this.#beganAt + this.#inStream();
  }

  /** Pictures that were not sent. */
  get skipped() {
    return this.#pictures?.skipped ?? 0;
  }

  /** Give the milliseconds since a picture was taken; null where that is not known. */
  delayOf(t) {
    return this.#pictures?.delayOf(t) ?? null;
  }

  /** Connect, and send what `video` shows and the microphone hears. @param {HTMLVideoElement} video */
  async connect(video) {
    const { source, fps, profile, baseline, key } = this.wishes;
    const opening = { source, fps, profile, modalities: this.modalities, ...(baseline ? {} : { baseline: "off" }), ...(key ? { key } : {}) };
    this.#beganAt = this.record.seconds;
    this.#began = performance.now();
    if (source === "pictures" && this.modalities.includes("speech")) {
      this.#sound = await SoundSender.open(this.devices, () => this.#inStream());
      opening.sound_rate = this.#sound.rate;
    }
    if (!this.devices) { // stopped meanwhile
      this.#stopSenders();
      return;
    }
    const stream = new LiveStream(opening, {
      onEvent: (event) => {
        if (event.event === "ready") this.#begin(event, video);
        else this.record.take(event);
        this.onEvent(event);
      },
      onEnd: (problem) => {
        this.#stopSenders();
        this.onEnd(problem);
      },
    });
    this.#stream = stream;
  }

  /** Let another camera take over, unless the session is stopped meanwhile or yet another one is asked for. */
  async changeCamera(deviceId, video) {
    const fresh = await this.#opener.open({ camera: true, microphone: false, deviceId });
    if (!fresh) return;
    const [track] = fresh.getVideoTracks();
    for (const old of this.devices.getVideoTracks()) {
      old.stop();
      this.devices.removeTrack(old);
    }
    this.devices.addTrack(track);
    video.srcObject = this.devices;
  }

  /** Free camera and microphone at once, and end the stream. */
  stop() {
    this.#opener.giveUp();
    this.#stopSenders();
    if (this.devices) closeDevices(this.devices);
    this.devices = null;
    if (this.#stream) this.#stream.end();
    else this.onEnd(null);
  }

  get #pictures() {
    return this.#senders.find((sender) => sender instanceof PictureSender);
  }

  #inStream() {
    return (performance.now() - this.#began) / 1000;
  }

  #begin(ready, video) {
    this.record.begin(ready, this.#beganAt);
    this.#began = performance.now();
    if (this.wishes.source === "container") {
      this.#senders = [new RecorderSender(this.devices, this.#stream)];
      return;
    }
    const clock = () => this.#inStream();
    if (this.modalities.includes("face")) this.#senders.push(new PictureSender(video, this.#stream, { fps: this.wishes.fps, clock }));
    this.#sound?.start(this.#stream);
  }

  #stopSenders() {
    this.#senders.forEach((sender) => sender.stop());
    this.#senders = [];
    this.#sound?.stop();
    this.#sound = null;
  }
}
