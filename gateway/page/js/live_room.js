// The room behind the live door: starts and stops a session, and says what is missing and why.

import { listCameras, whyClosed } from "./camera.js";
import { announce, byId, make, setText } from "./dom.js";
import { LevelMeter } from "./level_meter.js";
import { LiveRecord } from "./live_record.js";
import { drawReview } from "./live_review.js";
import { LiveSession } from "./live_session.js";
import { SILENT_ENDS } from "./live_stream.js";
import { LiveView } from "./live_view.js";
import { readLive } from "./options.js";
import { drawProblem } from "./problem.js";
import { clock } from "./wording.js";

const LAW = "Tell everybody before this camera and microphone that an emotion recognition system is at work (EU AI Act, Art. 50(3)). It reads what faces and voices display, not what is felt; nothing is kept, and nobody is recognised.";

export class LiveRoom {
  #session = null;
  #record = null;
  #view = null;
  #meter = null;
  #review = null;
  #timer;
  #mirrored = true;

  constructor() {
    this.element = byId("live");
    addEventListener("pagehide", () => this.leave());
  }

  /** Begin anew. */
  start() {
    if (this.#session) return;
    this.#record = new LiveRecord();
    this.#open();
  }

  /** Stop, and free everything. */
  leave() {
    const session = this.#session;
    this.#session = null;
    session?.stop();
    this.#clear();
    this.element.hidden = true;
    this.element.dataset.state = "closed";
  }

  /** Connect, for the first time or once more. */
  async #open() {
    this.#clear();
    const session = new LiveSession(readLive(), this.#record, { onEvent: (event) => this.#take(session, event), onEnd: (problem) => this.#end(session, problem) });
    this.#session = session;
    this.element.hidden = false;
    this.element.dataset.state = "opening";
    this.element.replaceChildren(make("p", { class: "fine", text: "Waiting for camera and microphone: the browser may ask you." }));
    this.element.scrollIntoView({ block: "nearest" });
    let cameras;
    try {
      await session.openDevices();
      cameras = await listCameras();
    } catch (error) {
      this.#end(session, { title: "No camera, no microphone", detail: whyClosed(error) });
      return;
    }
    if (session !== this.#session) return; // left while the browser asked
    this.#draw(session, cameras);
    try {
      await session.connect(this.#view.video);
    } catch (error) {
      // The microphone's listener is a file of the server's, which may be gone.
      this.#end(session, error.name === "AbortError" ? SILENT_ENDS.unopened : { title: "No sound", detail: `The microphone cannot be listened to: ${error.message}` });
    }
  }

  #draw(session, cameras) {
    const { modalities, wishes, devices } = session;
    const camera = modalities.includes("face");
    this.#view = new LiveView(this.#record, { modalities, camera, clock: () => session.seconds() });
    this.#view.mirror(this.#mirrored);
    this.state = make("p", { class: "live-state", role: "status", text: "Connecting …" });
    this.time = make("p", { class: "clock", role: "timer", "aria-label": "Length of this session" });
    this.notices = make("div", { class: "notices", role: "note", hidden: true });
    this.stopButton = make("button", { type: "button", class: "button record", text: "Stop", on: { click: () => this.#stop() } });
    const missing = wishes.modalities.filter((modality) => !modalities.includes(modality));
    if (missing.length) this.#notice(missing.includes("face") ? "No camera was found: the voice alone is read." : "No microphone was found: faces alone are read.");
    if (modalities.includes("speech")) this.#meter = new LevelMeter(devices);
    this.element.replaceChildren(
      make("header", { class: "live-head" },
        make("div", { class: "live-now" }, this.state, this.time, this.#meter?.element),
        camera && this.#cameraChoice(session, cameras), camera && this.#mirrorButton(), this.stopButton),
      this.notices, this.#view.element, make("p", { class: "fine", text: LAW }),
    );
    this.#view.video.srcObject = camera ? devices : null;
    this.stopButton.focus({ preventScroll: true });
    this.element.scrollIntoView({ block: "nearest" });
  }

  #mirrorButton() {
    const button = make("button", { type: "button", class: "button", "aria-pressed": String(this.#mirrored), text: "Mirror" });
    button.addEventListener("click", () => {
      this.#mirrored = !this.#mirrored;
      button.setAttribute("aria-pressed", String(this.#mirrored));
      this.#view?.mirror(this.#mirrored);
    });
    return button;
  }

  #cameraChoice(session, cameras) {
    if (cameras.length < 2 || session.wishes.source !== "pictures") return null;
    const [track] = session.devices.getVideoTracks();
    const select = make("select", { "aria-label": "Camera" }, cameras.map(({ deviceId, label }, at) => make(
      "option", { value: deviceId, selected: deviceId === track.getSettings().deviceId, text: label || `Camera ${at + 1}` })));
    select.addEventListener("change", () => {
      session.changeCamera(select.value, this.#view.video).catch((error) => this.#notice(`That camera did not open. ${whyClosed(error)}`));
    });
    return select;
  }

  #take(session, event) {
    if (session !== this.#session) return;
    if (event.event === "ready") this.#begin(session);
    if (event.event === "faces") event.frames.forEach((frame) => this.#view.showFaces(frame, session.delayOf(frame.t)));
    if (event.event === "moment") this.#view.showMoment(this.#record.moments.at(-1));
    if (event.event === "progress") this.#view.showCounts(event, session.skipped);
    if (event.event === "notice") this.#notice(event.notice.message);
  }

  #begin(session) {
    this.element.dataset.state = "live";
    setText(this.state, "Live");
    announce("Live. What is seen and heard goes to this server, and is not kept.");
    const tick = () => setText(this.time, clock(Math.floor(session.seconds())).replace(/\.0( s)?$/, "$1"));
    tick();
    this.#timer = setInterval(tick, 1000);
  }

  #notice(message) {
    const known = [...this.notices.children].slice(-2);
    this.notices.replaceChildren(...known, make("p", { text: message }));
    this.notices.hidden = false;
  }

  /** The camera is free at once; what is on its way to the server is still answered. */
  #stop() {
    if (!this.#session) return;
    this.stopButton.setAttribute("aria-disabled", "true");
    setText(this.state, "Stopping …");
    this.#session.stop();
  }

  #end(session, problem) {
    if (session !== this.#session) return;
    this.#session = null;
    if (session.devices) session.stop();
    this.#clear();
    this.element.dataset.state = problem ? "broken" : "over";
    const { seconds, frames, moments } = this.#record;
    const anything = seconds > 0 && (frames.length > 0 || moments.length > 0);
    if (anything) this.#review = drawReview(this.#record, session.wishes.modalities);
    const again = problem ? null : make("button", { type: "button", class: "button", text: "Go live again", on: { click: () => this.start() } });
    const close = make("button", { type: "button", class: "button plain", text: "Close", on: { click: () => this.#leave() } });
    this.element.replaceChildren(
      ...(problem ? [this.#problem(problem)] : []),
      ...(this.#review ? [this.#review.element] : []),
      make("div", { class: "row" }, again, close),
    );
    if (problem) announce(`${problem.title}. ${problem.detail}`);
    else announce("Stopped. Camera and microphone are off.");
    (this.element.querySelector(".problem button") ?? again ?? close).focus({ preventScroll: true });
  }

  #problem(document) {
    return drawProblem("", { document, retryAfter: null }, () => this.#open(), { id: "live-problem", label: "Connect again" });
  }

  #leave() {
    this.leave();
    byId("go-live").focus();
  }

  #clear() {
    clearInterval(this.#timer);
    this.#view?.close();
    this.#view = null;
    this.#meter?.close();
    this.#meter = null;
    this.#review?.close();
    this.#review = null;
    this.element.replaceChildren();
  }
}
