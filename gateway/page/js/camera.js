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
 * @param {{camera: boolean, microphone?: boolean, facing?: "user"|"environment", deviceId?: string}} wanted
 * @returns {Promise<MediaStream>} where one of two is not there, the other one alone
 */
export async function openDevices({ camera, microphone = true, facing = "user", deviceId }) {
  const audio = microphone && { echoCancellation: false, noiseSuppression: false, autoGainControl: true };
  const which = deviceId ? { deviceId: { exact: deviceId } } : { facingMode: facing };
  const video = camera && { ...which, width: { ideal: 1280 }, height: { ideal: 720 } };
  const ways = [{ audio, video }];
  if (audio && video) ways.push({ audio: false, video }, { audio, video: false });
  for (const way of ways) {
    try {
      return await navigator.mediaDevices.getUserMedia(way);
    } catch (error) {
      // A refusal by hand is not asked about twice.
      if (error.name === "NotAllowedError" || way === ways.at(-1)) throw error;
    }
  }
  throw new Error("unreachable");
}

/** Opens devices for somebody who may think better of it meanwhile: only what was asked for last is given. */
export class DeviceOpener {
  #newest = 0;

  /**
   * Open the devices, see `openDevices`.
   * @returns {Promise<MediaStream|null>} null where it was given up meanwhile: then they are closed again
   */
  async open(wanted) {
    const number = (this.#newest += 1);
    try {
      const stream = await openDevices(wanted);
      if (number === this.#newest) return stream;
      closeDevices(stream);
    } catch (error) {
      if (number === this.#newest) throw error;
    }
    return null;
  }

  /** Give up what is being opened. */
  giveUp() {
    this.#newest += 1;
  }
}

/** Give the cameras of this machine; they have names once one was allowed. @returns {Promise<MediaDeviceInfo[]>} */
export async function listCameras() {
  const devices = await navigator.mediaDevices.enumerateDevices();
  return devices.filter((device) => device.kind === "videoinput");
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
