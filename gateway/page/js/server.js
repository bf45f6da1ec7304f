// Every call to the server, and its refusals as problems (RFC 9457).

/** What the server answered instead of an analysis. */
export class Problem extends Error {
  /**
   * @param {{type?: string, title: string, status?: number, detail: string, remedy?: string, field?: string, request_id?: string}} document
   * @param {number|null} retryAfter seconds that the server asks to wait
   */
  constructor(document, retryAfter = null) {
    super(document.detail);
    this.document = document;
    this.retryAfter = retryAfter;
  }
}

/** The upload was stopped by hand. */
export class Cancelled extends Error {}

const at = (path) => new URL(path, document.baseURI);

/**
 * Upload a file.
 * @param {Blob} file
 * @param {{query: URLSearchParams, key: string, signal: AbortSignal, onSent: (share: number) => void, prefer?: string,
 *   onTooLate?: (job: any) => void}} how `onTooLate`: it was stopped when the server had all of it, and made a job of it
 * @returns {Promise<{status: number, body: any}>} 200 with the analysis, or 202 with the job
 */
export function upload(file, { query, key, signal, onSent, prefer, onTooLate }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest(); // fetch tells no progress of an upload
    request.open("POST", withQuery("v1/analyses", query));
    request.setRequestHeader("Content-Type", file.type || "application/octet-stream");
    request.setRequestHeader("Accept", "application/json");
    if (prefer) request.setRequestHeader("Prefer", prefer);
    if (key) request.setRequestHeader("Authorization", `Bearer ${key}`);
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) onSent(event.loaded / event.total);
    });
    let isSent = false;
    request.upload.addEventListener("load", () => {
      isSent = true;
      onSent(1);
    });
    request.addEventListener("load", () => {
      const { status, responseText } = request;
      if (signal.aborted && status === 202) onTooLate?.(JSON.parse(responseText));
      else if (status === 200 || status === 202) resolve({ status, body: JSON.parse(responseText) });
      else reject(problemOf(status, responseText, request.getResponseHeader("Retry-After")));
    });
    request.addEventListener("error", () => reject(unreachable()));
    request.addEventListener("abort", () => reject(new Cancelled()));
    signal.addEventListener("abort", () => {
      if (isSent && prefer) reject(new Cancelled()); // the answer names the job that is to be erased
      else request.abort();
    }, { once: true });
    if (signal.aborted) reject(new Cancelled());
    else request.send(file);
  });
}

/**
 * Call the server; the answer is a good one.
 * @param {string} path below this page's own address
 * @param {RequestInit & {key?: string, query?: URLSearchParams}} [how]
 * @returns {Promise<Response>}
 * @throws {Problem|Cancelled}
 */
export async function call(path, { key, query, headers = {}, ...how } = {}) {
  const asked = key ? { ...headers, Authorization: `Bearer ${key}` } : headers;
  let answer;
  try {
    answer = await fetch(withQuery(path, query ?? ""), { ...how, headers: asked });
  } catch {
    throw how.signal?.aborted ? new Cancelled() : unreachable();
  }
  if (!answer.ok) throw problemOf(answer.status, await answer.text(), answer.headers.get("Retry-After"));
  return answer;
}

/** Give the limits of the server, or null where it does not tell: one with keys tells only who sends one. */
export async function readLimits(key) {
  return readJson("v1/limits", key);
}

/** Give the components of the server with their states, or null where it is not ready. */
export async function readReady() {
  return readJson("health/ready");
}

async function readJson(path, key) {
  try {
    const answer = await fetch(at(path), { cache: "no-store", headers: key ? { Authorization: `Bearer ${key}` } : {} });
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}

function withQuery(path, query) {
  const url = at(path);
  url.search = query.toString();
  return url;
}

function problemOf(status, body, retryAfter) {
  const seconds = retryAfter === null ? null : Number.parseInt(retryAfter, 10);
  const wait = Number.isFinite(seconds) ? seconds : null;
  try {
    const document = JSON.parse(body);
    if (typeof document.title === "string" && typeof document.detail === "string") {
      return new Problem({ status, ...document }, wait);
    }
  } catch { /* not this server's answer: a proxy's, say */ }
  return new Problem({
    title: "No usable answer", status, detail: `The answer had status ${status} and was not this server's.`,
    remedy: "If there is a proxy in front of the server, look at its limits and its log.",
  }, wait);
}

/** The problem of a server that does not answer. */
export function unreachable() {
  return new Problem({
    title: "No answer", detail: "The connection to the server failed before an answer came.",
    remedy: "Check that the server still runs, then try again.",
  });
}
