// An analysis as a job: handed in, followed as it goes on, taken away in other forms, erased in the end.

import { Cancelled, Problem, call, unreachable, upload } from "./server.js";

// The server says something every 15 seconds; a connection that is silent for longer is dead.
const SILENCE_MS = 45_000;
const MOST_FAILURES = 20;
// A free worker takes a job at once; from then on its place in the queue is asked for.
const WAITING_MS = 5_000;

/**
 * Analyse a file. Pictures are answered at once and leave nothing behind; what takes longer is a job, so that
 * its progress can be seen. A server that cannot keep jobs is asked for a plain answer.
 * @param {File} file
 * @param {{query: URLSearchParams, key: string, signal: AbortSignal, onSent: (share: number) => void,
 *   onJob: (id: string) => void, onWait: (ahead: number) => void, onEvent: (event: any) => void}} how `onWait`: so
 *   many jobs wait before this one, which no worker has begun
 * @returns {Promise<any>} the analysis
 */
export async function analyse(file, how) {
  const prefer = file.type.startsWith("image/") ? undefined : "respond-async";
  let answer;
  try {
    answer = await upload(file, { ...how, prefer, onTooLate: ({ id }) => eraseJob(id, how).catch(() => { /* it erases itself after a while */ }) });
  } catch (error) {
    if (!prefer || error.document?.type !== "/problems/service-unavailable") throw error;
    answer = await upload(file, how);
  }
  if (answer.status === 200) return answer.body;
  const { id } = answer.body;
  how.onJob(id);
  const begun = new AbortController();
  const onEvent = (event) => {
    begun.abort();
    how.onEvent(event);
  };
  tellPlace(id, { ...how, signal: AbortSignal.any([how.signal, begun.signal]) });
  try {
    return await follow(id, { ...how, onEvent });
  } finally {
    begun.abort();
  }
}

/** Tell the place in the queue until the job is begun. Whatever goes wrong with that, `follow` notices too. */
async function tellPlace(id, { key, signal, onWait }) {
  while (!signal.aborted) {
    try {
      await pause(WAITING_MS, signal);
      const { ahead } = await (await call(`v1/analyses/${id}`, { key, signal, cache: "no-store" })).json();
      if (ahead !== null && !signal.aborted) onWait(ahead);
    } catch (error) {
      if (error.document?.status < 500) return; // erased elsewhere, say
    }
  }
}

/** Read a job's events to the last one, over as many connections as it takes. */
async function follow(id, how) {
  let last = null;
  let failures = 0;
  for (;;) {
    try {
      for await (const event of eventsOf(id, { ...how, last })) {
        if (event.data.event in ENDINGS) return ENDINGS[event.data.event](event.data);
        last = event.id ?? last;
        failures = 0;
        how.onEvent(event.data);
      }
      await pause(500, how.signal); // the server ended the connection: its requests have a longest time
    } catch (error) {
      if (!(error instanceof Broken)) throw error;
      failures += 1;
      if (failures > MOST_FAILURES) throw unreachable();
      await pause(Math.min(5000, 500 * failures), how.signal);
    }
  }
}

/** The connection ended before the job did. */
class Broken extends Error {}

const ENDINGS = {
  done: ({ analysis }) => analysis,
  failed: ({ problem }) => { throw new Problem(problem); },
  cancelled: () => {
    throw new Problem({ title: "Cancelled", status: 409, detail: "The analysis was cancelled and erased elsewhere.", remedy: "Send the file again." });
  },
};

/** Give the events of one connection. EventSource could not send a key. */
async function* eventsOf(id, { key, signal, last }) {
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), SILENCE_MS);
  try {
    const headers = { Accept: "text/event-stream", ...(last === null ? {} : { "Last-Event-ID": last }) };
    const answer = await call(`v1/analyses/${id}/events`, { key, headers, signal: AbortSignal.any([signal, silence.signal]), cache: "no-store" });
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    const pieces = [""]; // joined only at an end: the last event of a long film is large
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), SILENCE_MS);
      const mayEnd = /\n\r?\n/.test(pieces.at(-1).slice(-3) + value);
      pieces.push(value);
      if (!mayEnd) continue;
      const blocks = pieces.splice(0).join("").split(/\r?\n\r?\n/);
      pieces.push(blocks.pop());
      yield* blocks.map(parseEvent).filter(Boolean);
    }
  } catch (error) {
    if (signal.aborted) throw new Cancelled();
    const refused = error instanceof Problem && error.document.status && error.document.status < 500;
    throw refused ? error : new Broken();
  } finally {
    clearTimeout(timer);
    silence.abort();
  }
}

function parseEvent(block) {
  const fields = {};
  for (const line of block.split(/\r?\n/)) {
    const colon = line.indexOf(":");
    if (colon > 0) fields[line.slice(0, colon)] = line.slice(colon + 1).replace(/^ /, "");
  }
  return fields.data === undefined ? null : { id: fields.id ?? null, data: JSON.parse(fields.data) };
}

function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(new Cancelled());
    }, { once: true });
  });
}

/** Give the finished analysis of a job in another form. @returns {Promise<Blob>} */
export async function exportOf(id, mediaType, { key }) {
  return (await call(`v1/analyses/${id}`, { key, headers: { Accept: mediaType } })).blob();
}

/** Send the file once more, and get the analysis in another form. @returns {Promise<Blob>} */
export async function exportAgain(file, mediaType, { query, key }) {
  const headers = { Accept: mediaType, "Content-Type": file.type || "application/octet-stream" };
  return (await call("v1/analyses", { method: "POST", body: file, headers, query, key })).blob();
}

/** Erase a job and everything that is stored of it; also while the page is being left. */
export async function eraseJob(id, { key }) {
  try {
    await call(`v1/analyses/${id}`, { method: "DELETE", key, keepalive: true });
  } catch (error) {
    if (error.document?.status !== 404) throw error; // gone already
  }
}
