// The camera door: a view of what the camera sees, a button for a picture, one for a clip of up to ten seconds.

import { DeviceOpener, Recording, closeDevices, listCameras, takePicture, whyClosed, whyNot } from "./camera.js";
import { announce, byId, make } from "./dom.js";
import { LevelMeter } from "./level_meter.js";

const LONGEST = 10;

/**
 * Open the door.
 * @param {(files: File[]) => void} onFiles
 */
export function openCameraDoor(onFiles) {
  const why = whyNot();
  const buttons = [byId("open-camera"), byId("open-microphone")];
  if (why) {
    tell(why);
    buttons.forEach((button) => button.setAttribute("aria-disabled", "true"));
    return;
  }
  const studio = new Studio(onFiles);
  buttons[0].addEventListener("click", () => studio.open({ camera: true, from: buttons[0] }));
  buttons[1].addEventListener("click", () => studio.open({ camera: false, from: buttons[1] }));
}

function tell(note) {
  byId("camera-note").textContent = note;
  byId("camera-note").hidden = !note;
  if (note) announce(note);
}

class Studio {
  #onFiles;
  #opener = new DeviceOpener();
  #stream = null;
  #recording = null;
  #facing = "user";
  #meter = null;

  constructor(onFiles) {
    this.#onFiles = onFiles;
    this.element = byId("studio");
    addEventListener("pagehide", () => this.close());
  }

  async open({ camera, from }) {
    this.close();
    tell("");
    this.from = from;
    this.camera = camera;
    let stream;
    try {
      stream = await this.#opener.open({ camera, facing: this.#facing });
    } catch (error) {
      tell(`${camera ? "Camera" : "Microphone"}: ${whyClosed(error)}`);
      return;
    }
    if (!stream) return;
    this.#stream = stream;
    this.camera = stream.getVideoTracks().length > 0;
    if (camera && !this.camera) tell("No camera was found: the microphone is open.");
    await this.#draw(stream);
    if (stream !== this.#stream) return; // closed meanwhile
    this.element.hidden = false;
    this.element.scrollIntoView({ block: "nearest" });
    this.recordButton.focus();
    announce(`${camera ? "The camera" : "The microphone"} is on. Nothing is sent until you say so.`);
  }

  close() {
    this.#opener.giveUp();
    clearTimeout(this.timer);
    this.#recording = null;
    if (this.#stream) closeDevices(this.#stream);
    this.#stream = null;
    this.#meter?.close();
    this.#meter = null;
    this.element.hidden = true;
    this.element.replaceChildren();
  }

  async #draw(stream) {
    const cameras = this.camera ? await listCameras() : [];
    if (stream !== this.#stream) return;
    const hasSound = stream.getAudioTracks().length > 0;
    this.video = make("video", { autoplay: true, playsinline: true, "aria-label": "What the camera sees" });
    this.video.muted = true;
    this.countdown = make("p", { class: "countdown", role: "timer", hidden: true });
    const view = make("div", { class: `studio-view${this.camera ? "" : " ear-only"}${this.#facing === "environment" ? " away" : ""}` },
      this.video, this.camera ? null : make("p", { class: "ear-word", text: "The microphone is on: speak for a few seconds." }), this.countdown);
    this.recordButton = make("button", { type: "button", class: "button record", text: this.camera ? "Record a clip" : "Record", on: { click: () => this.#onRecord() } });
    const pictureButton = this.camera && make("button", { type: "button", class: "button", text: "Take a picture", on: { click: () => this.#onPicture() } });
    const turnButton = cameras.length > 1 && make("button", { type: "button", class: "button", text: "Other camera", on: { click: () => this.#turn() } });
    const closeButton = make("button", { type: "button", class: "button plain", text: "Close", on: { click: () => this.#leave() } });
    this.idleButtons = [pictureButton, turnButton].filter(Boolean);
    this.element.replaceChildren(
      view, hasSound ? this.#drawLevel() : make("p", { class: "fine", text: "No microphone was found: clips will be silent." }),
      make("div", { class: "row" }, this.recordButton, this.idleButtons, closeButton),
    );
    if (this.camera) {
      this.video.srcObject = stream;
      await this.video.play().catch(() => { /* closed before it began */ });
    }
  }

  #drawLevel() {
    this.#meter = new LevelMeter(this.#stream);
    return this.#meter.element;
  }

  async #onPicture() {
    const stream = this.#stream;
    if (this.#recording) return;
    const file = await takePicture(this.video);
    this.#handOver(file, stream);
  }

  #onRecord() {
    if (this.#recording) this.#finish();
    else this.#begin();
  }

  #begin() {
    this.#recording = new Recording(this.#stream);
    this.recordButton.textContent = "Stop and analyse";
    this.idleButtons.forEach((button) => { button.hidden = true; });
    this.countdown.hidden = false;
    announce(`Recording, ${LONGEST} seconds at most`);
    this.#count(LONGEST);
  }

  #count(left) {
    this.countdown.textContent = `${left} s`;
    if (left <= 0) this.#finish();
    else this.timer = setTimeout(() => this.#count(left - 1), 1000);
  }

  async #finish() {
    clearTimeout(this.timer);
    const [stream, recording] = [this.#stream, this.#recording];
    if (!recording) return;
    this.#recording = null;
    const file = await recording.stop();
    this.#handOver(file, stream);
  }

  /** Leave with what was taken; closed meanwhile, or taken twice, nothing is sent. */
  #handOver(file, stream) {
    if (stream !== this.#stream) return;
    this.#leave();
    this.#onFiles([file]);
  }

  #turn() {
    this.#facing = this.#facing === "user" ? "environment" : "user";
    this.open({ camera: true, from: this.from });
  }

  #leave() {
    const { from } = this;
    this.close();
    from?.focus({ preventScroll: true });
  }
}
