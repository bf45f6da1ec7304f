// What the result's place shows: a problem, an analysis that goes on, or one that is done.

import { byId, wantsStillness } from "./dom.js";
import { Growing } from "./growing.js";
import { openMedia } from "./player.js";
import { drawProblem } from "./problem.js";
import { drawResult } from "./result.js";

export class Shown {
  #entry = null;
  #opened = null;
  #growing = null;
  #newest = 0;
  #again;

  /** @param {(entry: import("./queue.js").Entry) => void} again called to send an entry once more */
  constructor(again) {
    this.#again = again;
  }

  /** Show an entry, or with null nothing. */
  async show(entry) {
    const number = (this.#newest += 1);
    const same = entry !== null && entry === this.#entry;
    if (!same) this.#close();
    this.#entry = entry;
    if (entry === null || entry.problem) {
      this.#close();
      this.#place(entry, entry && drawProblem(entry.file.name, entry.problem, () => this.#again(entry)));
    } else {
      const opened = this.#opened ?? await openMedia(entry.file, (entry.answer?.analysis ?? entry.drafting.draft).media);
      if (number !== this.#newest) { // something else was chosen meanwhile, or more of the same is known
        if (opened !== this.#opened) opened.close();
        return;
      }
      this.#opened = opened;
      this.#draw(entry);
    }
    if (entry && !same) byId("queue").scrollIntoView({ behavior: wantsStillness() ? "auto" : "smooth", block: "start" });
  }

  /** Show that more is known of the entry that is shown. */
  grow(entry) {
    if (entry === this.#entry) this.#growing?.update(entry.drafting.draft);
  }

  #draw(entry) {
    this.#growing?.close();
    this.#growing = null;
    const { player } = this.#opened;
    player?.forget();
    if (player && entry.answer) player.seconds = entry.answer.analysis.media.seconds ?? player.seconds;
    // Who walks along the timeline with the keyboard keeps the place when the draft becomes the result.
    const walks = document.activeElement?.getAttribute("role") === "slider";
    if (entry.answer) {
      this.#place(entry, drawResult(entry.answer, this.#opened));
    } else if (player?.seconds) { // without a length there is no timeline to grow
      this.#growing = new Growing(entry, this.#opened);
      this.#place(entry, this.#growing.element);
    }
    if (walks) byId("result").querySelector("[role=slider]")?.focus({ preventScroll: true });
  }

  #place(entry, element) {
    const place = byId("result");
    place.replaceChildren(...(element ? [element] : []));
    place.hidden = entry === null;
    place.dataset.shows = entry?.state ?? "nothing";
  }

  #close() {
    this.#growing?.close();
    this.#growing = null;
    this.#opened?.close();
    this.#opened = null;
  }
}
