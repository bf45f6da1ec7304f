// Files on their way: one is sent and analysed at a time, the others wait; each can be cancelled and looked at.

import { announce, byId, make, setText } from "./dom.js";
import { Drafting } from "./draft.js";
import { mostBytes } from "./file_door.js";
import { hold, letGo } from "./holding.js";
import { analyse } from "./jobs.js";
import { readKey, readQuery } from "./options.js";
import { Cancelled, Problem } from "./server.js";
import { clock, judgement, size } from "./wording.js";

/**
 * @typedef {object} Entry
 * @property {File} file
 * @property {"waiting"|"sending"|"analysing"|"done"|"failed"|"cancelled"} state
 * @property {string|null} job its id on the server, where it is one
 * @property {boolean} begun whether a worker has begun the job
 * @property {number|null} ahead how many jobs wait before it, where it waits for long
 * @property {import("./draft.js").Drafting} drafting what is known so far, with state `analysing`
 * @property {{analysis: any, file: File, query: URLSearchParams, job: string|null}} [answer] with state `done`
 * @property {Problem} [problem] with state `failed`
 */

export class Queue {
  #entries = [];
  #busy = false;
  #shown = null;
  #show;
  #grow;

  /**
   * @param {(entry: Entry|null) => void} show called when a result, a problem, or what is known so far is to be looked at
   * @param {(entry: Entry) => void} grow called when more is known of the entry that is shown
   */
  constructor(show, grow) {
    this.#show = show;
    this.#grow = grow;
  }

  /** @param {File[]} files */
  add(files) {
    for (const file of files) {
      const entry = { file, state: "waiting", view: null, stop: null, job: null };
      entry.view = this.#makeView(entry);
      this.#entries.push(entry);
      byId("queue-list").append(entry.view.item);
      this.#tell(entry);
    }
    byId("queue").hidden = !this.#entries.length;
    if (files.length > 1) announce(`${files.length} files are waiting`);
    this.#next();
  }

  /** Send an entry once more. @param {Entry} entry */
  again(entry) {
    entry.problem = undefined;
    this.#enter(entry, "waiting");
    if (entry === this.#shown) {
      this.#select(null);
      entry.view.name.focus();
    }
    this.#next();
  }

  async #next() {
    const entry = this.#entries.find((candidate) => candidate.state === "waiting");
    if (this.#busy || !entry) return;
    this.#busy = true;
    await this.#run(entry);
    this.#busy = false;
    this.#next();
  }

  async #run(entry) {
    entry.stop = new AbortController();
    Object.assign(entry, { job: null, begun: false, ahead: null });
    entry.drafting = new Drafting();
    const query = readQuery();
    try {
      refuseTooLarge(entry.file);
      this.#enter(entry, "sending");
      announce(`Sending ${entry.file.name}`);
      const onSent = (share) => this.#progress(entry, share);
      const onJob = (id) => {
        entry.job = id;
        hold(id);
      };
      const onWait = (ahead) => this.#wait(entry, ahead);
      const onEvent = (event) => this.#learn(entry, event);
      const analysis = await analyse(entry.file, { query, key: readKey(), signal: entry.stop.signal, onSent, onJob, onWait, onEvent });
      entry.answer = { analysis, file: entry.file, query, job: entry.job };
      this.#enter(entry, "done");
      announce(`${entry.file.name} is analysed. ${verdictOf(analysis)}`);
      this.#select(entry);
    } catch (error) {
      this.#letGo(entry);
      if (error instanceof Cancelled) {
        this.#enter(entry, "cancelled");
        announce(`${entry.file.name} was cancelled`);
        if (entry === this.#shown) this.#select(null);
        return;
      }
      entry.problem = error instanceof Problem ? error : new Problem({ title: "This page failed", detail: String(error.message) });
      this.#enter(entry, "failed");
      announce(`${entry.file.name}: ${entry.problem.document.title}. ${entry.problem.document.detail}`);
      this.#select(entry);
    }
  }

  #enter(entry, state) {
    entry.state = state;
    entry.share = 0;
    entry.since = performance.now();
    this.#tell(entry);
    if (state === "analysing") this.#count(entry);
  }

  #progress(entry, share) {
    if (entry.state !== "sending") return;
    entry.share = share;
    if (share >= 1) this.#enter(entry, "analysing");
    else this.#tell(entry);
  }

  /** Take the place of the entry's job, which no worker has begun. */
  #wait(entry, ahead) {
    if (entry.ahead === null) announce(`${entry.file.name} ${waiting(ahead)}`);
    entry.ahead = ahead;
    this.#tell(entry);
  }

  /** Take an event of the entry's job; show it, unless something else is looked at. */
  #learn(entry, event) {
    entry.begun = true;
    if (!entry.drafting.take(event)) return;
    if (entry === this.#shown) this.#grow(entry);
    else if (!this.#shown) this.#select(entry);
    this.#tell(entry);
  }

  #letGo({ job }) {
    if (job) letGo(job).catch((error) => announce(`The server still keeps the result: ${error.message}`));
  }

  /** Count the seconds while the server works. */
  #count(entry) {
    if (entry.state !== "analysing") return;
    this.#tell(entry);
    setTimeout(() => this.#count(entry), 200);
  }

  #select(entry) {
    this.#shown = entry;
    for (const other of this.#entries) {
      other.view.item.classList.toggle("shown", other === entry);
      other.view.name.setAttribute("aria-current", String(other === entry));
    }
    this.#show(entry);
  }

  #makeView(entry) {
    const name = make("button", { type: "button", text: entry.file.name, on: { click: () => this.#onName(entry) } });
    const state = make("p", { class: "entry-state" });
    const buttons = make("div", { class: "entry-buttons" });
    const bar = make("progress", { "aria-label": `Progress of ${entry.file.name}`, max: 1 });
    const item = make("li", { class: "entry" }, make("p", { class: "entry-name" }, name), state, buttons, bar);
    return { item, name, state, buttons, bar, drawn: "" };
  }

  #onName(entry) {
    if (entry.state === "done" || entry.state === "failed" || (entry.state === "analysing" && entry.drafting.draft)) this.#select(entry);
  }

  #tell(entry) {
    const { view, state } = entry;
    setText(view.state, inWords(entry));
    view.state.classList.toggle("bad", state === "failed");
    const moves = state === "sending" || state === "analysing";
    view.bar.hidden = !moves;
    const share = state === "sending" ? entry.share : shareRead(entry);
    if (share === null) view.bar.removeAttribute("value");
    else view.bar.value = share;
    if (view.drawn === state) return;
    view.drawn = state;
    view.item.dataset.state = state;
    const hadFocus = view.buttons.contains(document.activeElement);
    view.buttons.replaceChildren(...this.#buttonsFor(entry));
    if (hadFocus) (view.buttons.querySelector("button") ?? view.name).focus();
  }

  #buttonsFor(entry) {
    const button = (text, does) => make("button", {
      type: "button", class: "button small plain", "aria-label": `${text} ${entry.file.name}`, text, on: { click: does },
    });
    if (entry.state === "waiting" || entry.state === "sending" || entry.state === "analysing") return [button("Cancel", () => this.#cancel(entry))];
    const shown = [button("Remove", () => this.#remove(entry))];
    if (entry.state === "cancelled") shown.unshift(button("Again", () => this.again(entry)));
    return shown;
  }

  #cancel(entry) {
    if (entry.state === "waiting") this.#enter(entry, "cancelled");
    else entry.stop.abort();
  }

  #remove(entry) {
    const at = this.#entries.indexOf(entry);
    this.#entries.splice(at, 1);
    entry.view.item.remove();
    this.#letGo(entry);
    byId("queue").hidden = !this.#entries.length;
    const rest = this.#entries.filter((other) => other.state === "done" || other.state === "failed");
    if (entry.view.item.classList.contains("shown")) {
      if (rest.length) this.#select(rest.at(-1));
      else this.#select(null);
    }
    (this.#entries[Math.min(at, this.#entries.length - 1)]?.view.name ?? byId("file-button")).focus();
  }
}

function refuseTooLarge(file) {
  if (file.size <= mostBytes()) return;
  throw new Problem({
    title: "Upload too large", status: 413, type: "/problems/upload-too-large", field: "file",
    detail: `The file has ${size(file.size)}; this server takes up to ${size(mostBytes())}.`, remedy: "Send a smaller file, or a part of it.",
  });
}

/** How much of the media is read, 0..1; null where that is not known. */
function shareRead({ state, drafting }) {
  if (state !== "analysing" || !drafting.draft?.seconds) return null;
  return Math.min(1, drafting.draft.reached / drafting.draft.seconds);
}

function inWords(entry) {
  const { state, file } = entry;
  const waited = () => clock((performance.now() - entry.since) / 1000);
  return {
    waiting: () => `${size(file.size)} · waiting`,
    sending: () => `${size(file.size)} · sending, ${Math.floor(entry.share * 100)} %`,
    analysing: () => `${size(file.size)} · ${analysing(entry)}, ${waited()}`,
    done: () => `${entry.answer.analysis.media.kind} · ${verdictOf(entry.answer.analysis)}`,
    failed: () => entry.problem.document.title,
    cancelled: () => "cancelled",
  }[state]();
}

function analysing(entry) {
  if (entry.job && !entry.begun) return entry.ahead === null ? "in the server's queue" : waiting(entry.ahead);
  const share = shareRead(entry);
  return share === null ? "analysing" : `analysing, ${Math.floor(share * 100)} %`;
}

function waiting(ahead) {
  const place = ahead ? `${ahead} ${ahead === 1 ? "job" : "jobs"} before it` : "next";
  return `waits for a worker, ${place} in the server's queue`;
}

function verdictOf({ emotion, face, speech, status }) {
  const none = face || speech ? "no fused emotion" : "nothing to read";
  return `${emotion ? judgement(emotion) : none}${status === "partial" ? " · partial" : ""}`;
}
