// What a live session has told so far; it lives in this page only.

/** Keeps what was seen and heard, over as many connections as the session took. */
export class LiveRecord {
  #shift = 0;
  #others = 0;
  streams = [];
  frames = [];
  segments = [];
  /** As the server sent them: each looks back over the window. */
  moments = [];
  notices = [];
  counts = null;
  seconds = 0;

  /** A connection begins: its clock and its people's numbers start anew, and follow on here. */
  begin({ session, options }, seconds) {
    this.#shift = seconds;
    this.#others = this.people().reduce((most, { id }) => Math.max(most, id), 0);
    this.seconds = seconds;
    this.streams.push({ session, start: seconds, options });
  }

  /** Take an event of the stream. */
  take(event) {
    if (event.event === "faces") this.frames.push(...event.frames.map((frame) => this.#frame(frame)));
    if (event.event === "segments") this.segments.push(...event.segments.map((segment) => this.#shifted(segment)));
    if (event.event === "moment") {
      this.moments.push(this.#moment(event));
      this.#reach(event.end);
    }
    if (event.event === "notice") this.notices.push({ ...event.notice, at: this.seconds });
    if (event.event === "progress" || event.event === "done") {
      const { frames, sound } = event;
      this.counts = { frames, sound };
      this.#reach(event.seconds);
    }
  }

  /** Who was seen, with the number of frames. @returns {{id: number, frames: number}[]} */
  people() {
    const seen = new Map();
    for (const { faces } of this.frames) for (const { person } of faces) if (person) seen.set(person, (seen.get(person) ?? 0) + 1);
    return [...seen].map(([id, frames]) => ({ id, frames })).sort((one, other) => one.id - other.id);
  }

  /** Give everything, to be saved. */
  toJSON() {
    const { streams, seconds, frames, segments, moments, notices, counts } = this;
    return { kind: "live", seconds, streams, counts, notices, moments, segments, frames };
  }

  #reach(seconds) {
    this.seconds = Math.max(this.seconds, seconds + this.#shift);
  }

  #frame({ t, faces }) {
    this.#reach(t);
    return { t: t + this.#shift, faces: faces.map((face) => (face.person ? { ...face, person: face.person + this.#others } : face)) };
  }

  #moment({ start, end, moment, people, baseline = null }) {
    const shift = this.#shift;
    return {
      start: start + shift, end: end + shift, moment: moment && this.#shifted(moment), people: people.map((person) => this.#person(person)),
      baseline: baseline && { ...baseline, start: baseline.start + shift },
    };
  }

  #shifted(stretch) {
    return { ...stretch, start: stretch.start + this.#shift, end: stretch.end + this.#shift };
  }

  #person(person) {
    return { ...person, id: person.id + this.#others, first_seen: person.first_seen + this.#shift, last_seen: person.last_seen + this.#shift };
  }
}
