// An analysis that goes on: the media play already, boxes and timeline grow as they are found.

import { make, setText } from "./dom.js";
import { showFilm } from "./stage.js";
import { Timeline } from "./timeline.js";
import { clock, describeMedia } from "./wording.js";

// The whole timeline is drawn anew each time, which takes 20 ms for an hour of film.
const EVERY_MS = 400;

/** Shows a draft. */
export class Growing {
  #draft;
  #timer = null;
  #stage;
  #timeline;

  /**
   * @param {import("./queue.js").Entry} entry
   * @param {import("./player.js").Opened} opened
   */
  constructor(entry, { player }) {
    const draft = entry.drafting.draft;
    this.#draft = draft;
    this.#stage = draft.media.kind === "film" ? showFilm(draft, player) : null;
    this.#timeline = new Timeline({ analysis: draft, file: entry.file, player });
    this.found = make("p", { class: "found" });
    this.element = make(
      "div", { class: `result-body growing ${draft.media.kind}`, "aria-busy": "true" },
      make("header", { class: "result-head" },
        make("h2", { id: "result-title", tabindex: -1, text: entry.file.name }), make("p", { class: "fine", text: describeMedia(draft.media) })),
      this.#stage?.element,
      make("section", { class: "verdict none", "aria-label": "Verdict" },
        make("p", { class: "verdict-label", text: "Reading" }), this.found,
        make("p", { class: "fine", text: "It can be played already: boxes and bands appear as they are found. Who is who, and what face and voice say together, is told at the end." })),
      this.#timeline.element,
      draft.media.kind === "sound" && player.element,
    );
    this.#draw();
  }

  /** Show what is known now, not more often than is good for the eye. */
  update(draft) {
    this.#draft = draft;
    this.#timer ??= setTimeout(() => this.#draw(), EVERY_MS);
  }

  close() {
    clearTimeout(this.#timer);
    this.#draw = () => {};
  }

  #draw = () => {
    this.#timer = null;
    const { frames, segments, reached, seconds } = this.#draft;
    this.#stage?.update(this.#draft);
    this.#timeline.update(this.#draft);
    const faces = frames.reduce((sum, frame) => sum + frame.faces.length, 0);
    const speech = segments.reduce((sum, segment) => sum + segment.end - segment.start, 0);
    const far = seconds ? `${clock(reached)} of ${clock(seconds)}` : clock(reached);
    setText(this.found, `${far}: ${faces} ${faces === 1 ? "face" : "faces"} in ${frames.length} frames, ${speech.toFixed(1)} s of speech.`);
  };
}
