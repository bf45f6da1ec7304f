// The connection of a live stream: `WS /v1/live`, as docs/live.md has it.

const OPENING_MS = 30_000;
// The server tells its progress every second; one that is silent for so long is gone.
const SILENCE_MS = 20_000;
const ENDING_MS = 10_000;

/** How a connection that the server did not explain has ended. */
export const SILENT_ENDS = {
  unopened: {
    title: "No connection", detail: "A live connection to the server could not be made.",
    remedy: "Check that the server still runs, and that a proxy before it passes WebSockets on.",
  },
  lost: { title: "Connection lost", detail: "The connection to the server was lost.", remedy: "Connect again: what was seen so far stays here." },
  restart: { title: "Server stopped", detail: "The server stops or starts anew.", remedy: "Connect again in a moment: what was seen so far stays here." },
};

export class LiveStream {
  #socket;
  #onEvent;
  #onEnd;
  #ready = false;
  #ending = false;
  #problem = null;
  #timer;

  /**
   * Connect.
   * @param {object} opening the first message, without `event`
   * @param {{onEvent: (event: any) => void, onEnd: (problem: object|null) => void}} listeners `onEnd` is called
   *   once, with a problem document, or null where the stream ended as it should
   */
  constructor(opening, { onEvent, onEnd }) {
    this.#onEvent = onEvent;
    this.#onEnd = onEnd;
    const address = new URL("v1/live", document.baseURI);
    address.protocol = address.protocol.replace("http", "ws");
    this.#socket = new WebSocket(address);
    this.#socket.addEventListener("open", () => this.#say({ event: "open", ...opening }));
    this.#socket.addEventListener("message", ({ data }) => this.#take(JSON.parse(data)));
    this.#socket.addEventListener("close", ({ code, reason }) => this.#finish(code, reason));
    this.#watch(OPENING_MS);
  }

  /** Bytes that wait to be sent. */
  get backlog() {
    return this.#socket.bufferedAmount;
  }

  /** Send media. @param {ArrayBuffer|Uint8Array|Blob} media */
  send(media) {
    if (this.#ready && !this.#ending && this.#socket.readyState === WebSocket.OPEN) this.#socket.send(media);
  }

  /** Say that nothing more comes; what is on its way is still answered. */
  end() {
    if (!this.#ready || this.#socket.readyState !== WebSocket.OPEN) {
      this.#finish(1000, "");
      return;
    }
    if (this.#ending) return;
    this.#ending = true;
    this.#say({ event: "end" });
    this.#watch(ENDING_MS);
  }

  #say(message) {
    this.#socket.send(JSON.stringify(message));
  }

  #take(event) {
    if (!this.#ending) this.#watch(SILENCE_MS);
    if (event.event === "ready") this.#ready = true;
    if (event.event === "problem") this.#problem = event.problem;
    else this.#onEvent(event);
  }

  #watch(milliseconds) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#finish(this.#ending ? 1000 : 1006, ""), milliseconds);
  }

  #finish(code, reason) {
    clearTimeout(this.#timer);
    const onEnd = this.#onEnd;
    this.#onEnd = () => {};
    this.#onEvent = () => {};
    this.#socket.close();
    onEnd(this.#problem ?? this.#explain(code, reason));
  }

  #explain(code, reason) {
    if (this.#ending || code === 1000) return null;
    if (code === 1012) return SILENT_ENDS.restart;
    if (reason) return { title: "Stream ended", detail: reason };
    return this.#ready ? SILENT_ENDS.lost : SILENT_ENDS.unopened;
  }
}
