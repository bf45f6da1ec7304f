// What plays: a film or a sound of the browser, or, where the browser cannot play it, a clock alone.

import { make } from "./dom.js";

/**
 * @typedef {object} Player
 * @property {HTMLMediaElement|null} element null where the browser cannot play the media
 * @property {number} seconds length; 0 where neither the server nor the browser knows it yet
 * @property {() => number} time
 * @property {(seconds: number) => void} seek
 * @property {() => void} toggle play or pause
 * @property {() => boolean} playing
 * @property {(listener: () => void) => void} onTime called when the time shown or the state of play has changed
 * @property {() => void} forget tell nobody any more
 * @property {() => void} close stop, and free what it holds
 */

/** @typedef {{url: string, player: Player|null, close: () => void}} Opened a picture has no player */

/**
 * Open a file for showing; it never leaves the browser for that.
 * @param {Blob} file
 * @param {{kind: "picture"|"sound"|"film", seconds: number|null}} media as the server found it
 * @returns {Promise<Opened>}
 */
export async function openMedia(file, { kind, seconds }) {
  const url = URL.createObjectURL(file);
  const player = kind === "picture" ? null : await makePlayer(kind, url, seconds ?? 0);
  const close = () => {
    player?.close();
    URL.revokeObjectURL(url);
  };
  return { url, player, close };
}

/**
 * Make a player.
 * @param {"film"|"sound"} kind
 * @param {string} url of the media, `blob:`
 * @param {number} seconds length as the server measured it; a recorder's file may not say its own
 * @returns {Promise<Player>}
 */
async function makePlayer(kind, url, seconds) {
  const element = make(kind === "film" ? "video" : "audio", { preload: "auto", playsinline: true });
  element.src = url;
  if (await canPlay(element, kind)) {
    await learnLength(element);
    return new MediaPlayer(element, seconds || (Number.isFinite(element.duration) ? element.duration : 0));
  }
  element.removeAttribute("src");
  return new SilentPlayer(seconds);
}

function canPlay(element, kind) {
  return new Promise((resolve) => {
    // A film whose pictures the browser cannot decode has a width of 0.
    element.addEventListener("loadeddata", () => resolve(kind !== "film" || element.videoWidth > 0), { once: true });
    element.addEventListener("error", () => resolve(false), { once: true });
    setTimeout(() => resolve(false), 60_000); // a machine may be busy; what cannot be played says so at once
    element.load();
  });
}

/** A recorder's WebM has no length and no index; winding to its end once makes the browser find both. */
async function learnLength(element) {
  if (Number.isFinite(element.duration)) return;
  await wind(element, 1e7);
  await wind(element, 0);
}

function wind(element, seconds) {
  return new Promise((resolve) => {
    element.addEventListener("seeked", () => resolve(), { once: true });
    setTimeout(resolve, 5_000);
    element.currentTime = seconds;
  });
}

class MediaPlayer {
  #listeners = [];
  #closed = false;
  #target = 0;

  constructor(element, seconds) {
    this.element = element;
    this.seconds = seconds;
    for (const name of ["play", "pause", "seeked", "ended", "timeupdate"]) {
      element.addEventListener(name, () => this.#tell());
    }
    element.addEventListener("play", () => this.#follow());
  }

  /** While the browser still winds, where it winds to. */
  time() { return Math.min(this.element.seeking ? this.#target : this.element.currentTime, this.seconds); }
  playing() { return !this.element.paused && !this.element.ended; }
  onTime(listener) { this.#listeners.push(listener); }
  forget() { this.#listeners = []; }

  seek(seconds) {
    this.#target = Math.max(0, Math.min(seconds, this.seconds));
    this.element.currentTime = this.#target;
    this.#tell();
  }

  toggle() {
    if (this.playing()) this.element.pause();
    else this.element.play().catch(() => { /* paused at once, or closed */ });
  }

  close() {
    this.#closed = true;
    this.element.pause();
    this.element.removeAttribute("src");
    this.element.load();
  }

  /** Tell each picture that is shown; without pictures, each repaint. */
  #follow() {
    const next = () => {
      if (this.#closed || !this.playing()) return;
      this.#tell();
      if (this.element.videoWidth && "requestVideoFrameCallback" in this.element) this.element.requestVideoFrameCallback(next);
      else requestAnimationFrame(next);
    };
    next();
  }

  #tell() { if (!this.#closed) this.#listeners.forEach((listener) => listener()); }
}

/** Make a player that shows nothing: a clock alone. @returns {Player} */
export function silentPlayer(seconds) {
  return new SilentPlayer(seconds);
}

class SilentPlayer {
  #listeners = [];
  #time = 0;
  #started = null;
  element = null;

  constructor(seconds) { this.seconds = seconds; }

  time() {
    if (this.#started === null) return this.#time;
    return Math.min(this.seconds, this.#time + (performance.now() - this.#started) / 1000);
  }

  playing() { return this.#started !== null; }
  onTime(listener) { this.#listeners.push(listener); }
  forget() { this.#listeners = []; }

  seek(seconds) {
    this.#time = Math.max(0, Math.min(seconds, this.seconds));
    if (this.#started !== null) this.#started = performance.now();
    this.#tell();
  }

  toggle() {
    if (this.playing()) {
      this.#time = this.time();
      this.#started = null;
    } else {
      if (this.#time >= this.seconds) this.#time = 0;
      this.#started = performance.now();
      requestAnimationFrame(() => this.#run());
    }
    this.#tell();
  }

  close() { this.#started = null; this.#listeners = []; }

  #run() {
    if (this.#started === null) return;
    if (this.time() >= this.seconds) this.toggle();
    else { this.#tell(); requestAnimationFrame(() => this.#run()); }
  }

  #tell() { this.#listeners.forEach((listener) => listener()); }
}
