// The devices: opens camera and microphone, takes a picture or records a clip. Knows nothing of the page, so
// that a live stream can use it as it is.

/** Why the devices cannot be opened, in words; empty where they can. */
export function whyNot() {
  if (!isSecureContext) return "Browsers open the camera for pages from this machine or over https only; this page came over plain http.";
  if (!navigator.mediaDevices?.getUserMedia) return "This browser gives no access to a camera or a microphone.";
  return typeof MediaRecorder === "undefined" ? "This browser cannot record." : "";
}

/**
 * Open the devices.
 * @param {{camera: boolean, facing: "user"|"environment"}} wanted the microphone is always opened
 * @returns {Promise<MediaStream>} with or without sound, where there is no microphone
 */
export async function openDevices({ camera, facing }) {
  const audio = { echoCancellation: false, noiseSuppression: false, autoGainControl: true };
  const video = camera && { facingMode: facing, width: { ideal: 1280 }, height: { ideal: 720 } };
  try {
    return await navigator.mediaDevices.getUserMedia({ audio, video });
  } catch (error) {
    // A camera alone is still of use; a refusal by hand is not asked about twice.
    if (!camera || error.name === "NotAllowedError") throw error;
    return navigator.mediaDevices.getUserMedia({ audio: false, video });
  }
}

/** Say in words why the devices did not open. */
export function whyClosed(error) {
  const reasons = {
    NotAllowedError: "The browser was not allowed to use it. Allow it next to the address, then try again.",
    NotFoundError: "There is none on this machine.",
    NotReadableError: "Another program is using it.",
    OverconstrainedError: "It cannot do what was asked.",
  };
  return reasons[error.name] ?? `It did not open: ${error.message}`;
}

/** Close what `openDevices` opened. */
export function closeDevices(stream) {
  stream.getTracks().forEach((track) => track.stop());
}

/** Take a picture, upright and not mirrored. @returns {Promise<File>} */
export async function takePicture(video) {
  const canvas = document.createElement("canvas");
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  canvas.getContext("2d").drawImage(video, 0, 0);
  const blob = await new Promise((resolve) => { canvas.toBlob(resolve, "image/jpeg", 0.92); });
  return new File([blob], `picture ${hour()}.jpg`, { type: "image/jpeg" });
}

const FILM_TYPES = ["video/webm;codecs=vp8,opus", "video/webm", "video/mp4"];
const SOUND_TYPES = ["audio/webm;codecs=opus", "audio/mp4", "audio/ogg"];

/** A recording on its way. */
export class Recording {
  #recorder;
  #pieces = [];
  #film;

  /** @param {MediaStream} stream */
  constructor(stream) {
    this.#film = stream.getVideoTracks().length > 0;
    const mimeType = (this.#film ? FILM_TYPES : SOUND_TYPES).find((type) => MediaRecorder.isTypeSupported(type));
    this.#recorder = new MediaRecorder(stream, { mimeType, videoBitsPerSecond: 2_500_000 });
    this.#recorder.addEventListener("dataavailable", (event) => { if (event.data.size) this.#pieces.push(event.data); });
    this.#recorder.start(500);
  }

  /** Stop. @returns {Promise<File>} */
  async stop() {
    if (this.#recorder.state !== "inactive") {
      const stopped = new Promise((resolve) => { this.#recorder.addEventListener("stop", resolve, { once: true }); });
      this.#recorder.stop();
      await stopped;
    }
    const type = this.#recorder.mimeType.split(";")[0];
    const suffix = type.endsWith("mp4") ? (this.#film ? "mp4" : "m4a") : type.split("/")[1];
    return new File(this.#pieces, `${this.#film ? "clip" : "voice"} ${hour()}.${suffix}`, { type });
  }
}

function hour() {
  return new Date().toTimeString().slice(0, 8).replaceAll(":", "-");
}
