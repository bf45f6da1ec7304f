// What is known of an analysis while it goes on: put together from a job's events.

/**
 * @typedef {object} Draft shaped like an analysis as far as it goes
 * @property {true} reading
 * @property {any} media
 * @property {any[]} frames in order of time; their faces belong to no person yet
 * @property {any[]} segments in order of time
 * @property {number} reached seconds of the media that were decoded
 * @property {number|null} seconds how many there are
 */

const byTime = (one, other) => (one.t ?? one.start) - (other.t ?? other.start);

/** Collects a job's events. */
export class Drafting {
  /** @type {Draft|null} */
  draft = null;

  /** Take an event of the job. @returns {boolean} whether there is more to see now */
  take(event) {
    if (event.event === "started") this.draft = null; // after a fault: what was told before is void
    if (event.event === "probed") this.draft = begin(event.media);
    if (!this.draft) return false;
    if (event.event === "progress") {
      this.draft.reached = event.seconds;
      this.draft.seconds = event.of_seconds ?? this.draft.seconds;
    }
    if (event.event === "faces") add(this.draft.frames, event.frames);
    if (event.event === "segments") add(this.draft.segments, event.segments);
    return true;
  }
}

function begin(media) {
  return { reading: true, media, frames: [], segments: [], moments: [], people: [], notices: [], models: {}, reached: 0, seconds: media.seconds };
}

/** Calls run side by side, so that what is later may come earlier. */
function add(list, found) {
  const late = list.length && found.length && byTime(found[0], list.at(-1)) < 0;
  list.push(...found);
  if (late) list.sort(byTime);
}
