// The timeline: lanes beneath each other, a playhead over them, and the figures of one point in time.

import { FiguresTable } from "./figures.js";
import { draw, make, setAttribute, setText } from "./dom.js";
import { drawBands, drawLabels, drawUnsure, lanesOf, stretchAt } from "./lanes.js";
import { drawRuler } from "./ruler.js";
import { drawLevels, readLevels } from "./waveform.js";
import { clock, judgement } from "./wording.js";

const SYMBOLS = { play: "M8 5.5v13l10.5-6.5z", pause: "M8 5.5v13M16 5.5v13" };

/**
 * Draws an analysis, or a draft of one that grows.
 * @param {{analysis: any, file: Blob, player: import("./player.js").Player,
 *   found?: {lanes: import("./lanes.js").Lane[], unshown: number}}} shown `found` where the lanes are known already
 */
export class Timeline {
  #player;
  #seconds;
  #lanes;
  #step;
  #drawn;
  #hovered = null;
  #asked = "";

  constructor({ analysis, file, player, found = lanesOf(analysis) }) {
    this.#player = player;
    this.#seconds = Math.max(player.seconds, 0.1);
    const { lanes, unshown } = found;
    this.#lanes = lanes;
    this.#step = stepOf(analysis);
    this.figures = new FiguresTable(lanes);
    this.#build(unshown);
    if (analysis.media.audio) this.#addSound(file, analysis.media.audio);
    player.onTime(() => this.#follow());
    if (analysis.reading) this.update(analysis);
    else this.#follow();
  }

  /** Show how far a draft has come. @param {import("./draft.js").Draft} draft */
  update(draft) {
    this.#lanes = lanesOf(draft).lanes;
    this.#drawn = this.#drawn.map((old, at) => {
      const lane = this.#drawLane(this.#lanes[at]);
      old.replaceWith(lane);
      return lane;
    });
    const figures = new FiguresTable(this.#lanes);
    this.figures.element.replaceWith(figures.element);
    this.figures = figures;
    this.#asked = "";
    this.unread.style.left = `${Math.min(100, (draft.reached / this.#seconds) * 100)}%`;
    this.#follow();
  }

  #build(unshown) {
    this.playhead = make("div", { class: "playhead" });
    this.unread = make("div", { class: "unread" });
    this.#drawn = this.#lanes.map((lane) => this.#drawLane(lane));
    this.ghost = make("div", { class: "ghost", hidden: true }, make("span", { class: "ghost-time" }));
    this.slider = make(
      "div", {
        class: "tracks", role: "slider", tabindex: 0, "aria-label": "Position", "aria-valuemin": 0,
        "aria-valuemax": this.#seconds.toFixed(1), "aria-describedby": "timeline-keys",
      },
      drawRuler(this.#seconds), this.#drawn, this.unread, this.ghost, this.playhead,
    );
    this.names = make("div", { class: "names" }, make("div", { class: "ruler" }),
      this.#lanes.map((lane) => make("div", { class: `lane ${lane.kind}` }, make("span", { text: lane.name }))));
    this.#listen();
    this.button = make("button", { type: "button", class: "button primary play", on: { click: () => this.#player.toggle() } });
    this.clock = make("span", { class: "clock" });
    this.element = make(
      "section", { class: "timeline", "aria-labelledby": "timeline-title" },
      make("div", { class: "timeline-head" },
        this.button, make("h3", { id: "timeline-title", class: "unseen", text: "Timeline" }), this.clock, this.#sound(),
        make("p", { class: "fine keys", id: "timeline-keys", text: "Click to jump; arrow keys step, space plays." })),
      make("div", { class: "lanes" }, this.names, this.slider),
      unshown > 0 && make("p", { class: "fine", text: `and ${unshown} more ${unshown === 1 ? "person" : "people"}, seen in fewer frames: all are in the JSON below.` }),
      this.figures.element,
    );
  }

  #drawLane(lane) {
    return make(
      "div", { class: `lane ${lane.kind}${lane.stretches.length ? "" : " empty"}` },
      lane.stretches.length > 0 && drawBands(lane, this.#seconds),
      drawUnsure(lane, this.#seconds),
      lane.kind !== "person" && drawLabels(lane, this.#seconds),
      lane.missing && make("p", { class: "missing", text: lane.missing }),
    );
  }

  async #addSound(file, { start }) {
    const lane = make("div", { class: "lane sound" });
    this.slider.insertBefore(lane, this.unread);
    this.names.append(make("div", { class: "lane sound" }, make("span", { text: "Sound" })));
    try {
      lane.append(drawLevels(await readLevels(file, { seconds: this.#seconds, start })));
    } catch (error) {
      lane.append(make("p", { class: "missing", text: error.message }));
    }
    lane.dataset.drawn = "";
  }

  #sound() {
    const { element } = this.#player;
    if (!element) return null;
    const button = make("button", { type: "button", class: "button small plain", "aria-pressed": String(element.muted), text: "Mute" });
    button.addEventListener("click", () => {
      element.muted = !element.muted;
      button.setAttribute("aria-pressed", String(element.muted));
    });
    return button;
  }

  #listen() {
    const timeAt = (event) => {
      const { left, width } = this.slider.getBoundingClientRect();
      return Math.max(0, Math.min(1, (event.clientX - left) / width)) * this.#seconds;
    };
    let dragging = false;
    this.slider.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      dragging = true;
      this.slider.setPointerCapture(event.pointerId);
      this.#player.seek(timeAt(event));
    });
    this.slider.addEventListener("pointermove", (event) => {
      this.#hover(event.pointerType === "touch" ? null : timeAt(event));
      if (dragging) this.#player.seek(timeAt(event));
    });
    for (const name of ["pointerup", "pointercancel"]) this.slider.addEventListener(name, () => { dragging = false; });
    this.slider.addEventListener("pointerleave", () => this.#hover(null));
    this.slider.addEventListener("keydown", (event) => this.#onKey(event));
  }

  #onKey(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === " " || event.key === "Enter") {
      event.preventDefault();
      this.#player.toggle();
      return;
    }
    const now = this.#player.time();
    const step = event.shiftKey ? 1 : this.#step;
    const target = {
      ArrowRight: now + step, ArrowUp: now + step, ArrowLeft: now - step, ArrowDown: now - step,
      PageUp: now + Math.max(1, this.#seconds / 10), PageDown: now - Math.max(1, this.#seconds / 10),
      Home: 0, End: this.#seconds,
    }[event.key];
    if (target === undefined) return;
    event.preventDefault();
    this.#hover(null);
    this.#player.seek(Math.max(0, Math.min(this.#seconds, target)));
  }

  #hover(time) {
    this.#hovered = time;
    this.ghost.hidden = time === null;
    if (time !== null) {
      this.ghost.style.left = `${(time / this.#seconds) * 100}%`;
      this.ghost.classList.toggle("late", time > this.#seconds / 2);
      this.ghost.firstChild.textContent = clock(time);
    }
    this.#tellFigures();
  }

  #follow() {
    const time = this.#player.time();
    this.playhead.style.left = `${Math.min(100, (time / this.#seconds) * 100)}%`;
    setText(this.clock, `${clock(time)} / ${clock(this.#seconds)}`);
    const state = this.#player.playing() ? "pause" : "play";
    if (this.button.dataset.does !== state) {
      this.button.dataset.does = state;
      this.button.replaceChildren(symbol(SYMBOLS[state], state), make("span", { text: state === "play" ? "Play" : "Pause" }));
    }
    setAttribute(this.slider, "aria-valuenow", time.toFixed(2));
    if (!this.#player.playing()) setAttribute(this.slider, "aria-valuetext", this.#inWords(time));
    this.#tellFigures();
  }

  #tellFigures() {
    const time = this.#hovered ?? this.#player.time();
    // The last moment ends where the media ends, and there the playhead rests.
    const inside = Math.min(time, this.#seconds - 1e-3);
    const found = this.#lanes.map((lane) => stretchAt(lane, inside));
    const asked = `${clock(time)}|${found.map((stretch) => stretch?.start).join()}`;
    if (asked === this.#asked) return;
    this.#asked = asked;
    this.figures.show(time, found);
  }

  #inWords(time) {
    const inside = Math.min(time, this.#seconds - 1e-3);
    const said = this.#lanes.map((lane) => {
      const stretch = stretchAt(lane, inside);
      return `${lane.name}: ${stretch ? judgement(stretch) : "nothing"}`;
    });
    return `${clock(time)} of ${clock(this.#seconds)}. ${said.join(". ")}`;
  }
}

function stepOf({ frames }) {
  return frames && frames.length > 1 ? Math.max(0.02, (frames.at(-1).t - frames[0].t) / (frames.length - 1)) : 0.5;
}

function symbol(path, does) {
  return draw("svg", { class: `glyph does-${does}`, viewBox: "0 0 24 24", "aria-hidden": "true" }, draw("path", { d: path }));
}
