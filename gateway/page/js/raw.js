// The answer itself: JSON, the call that gives it, and other forms to take away.

import { announce, copyButton, make } from "./dom.js";
import { isHeld, letGo } from "./holding.js";
import { exportAgain, exportOf } from "./jobs.js";
import { readKey } from "./options.js";
import { readLimits } from "./server.js";
import { span } from "./wording.js";

const MOST_SHOWN = 200_000;

// As the server's table of exports has them.
const FORMS = [
  { label: "Faces, CSV", suffix: "csv", type: "text/csv" },
  { label: "Moments, CSV", suffix: "moments.csv", type: "text/csv; table=moments" },
  { label: "JSON Lines", suffix: "jsonl", type: "application/jsonl" },
  { label: "Captions, WebVTT", suffix: "vtt", type: "text/vtt" },
  { label: "ELAN", suffix: "eaf", type: "text/x-eaf+xml" },
  { label: "EmotionML", suffix: "emotionml", type: "application/emotionml+xml" },
];

/**
 * Draw the folds with the raw answer.
 * @param {{analysis: any, file: File, query: URLSearchParams, job: string|null}} shown
 */
export function drawRaw({ analysis, file, query, job }) {
  const pretty = () => JSON.stringify(analysis, null, 1);
  const code = make("pre", { class: "code", tabindex: 0, "aria-label": "Answer as JSON" });
  const fold = make(
    "details", { class: "fold" }, make("summary", { text: "JSON" }),
    make("div", { class: "row" }, copyButton("Copy JSON", pretty)), code,
  );
  fold.addEventListener("toggle", () => {
    if (!fold.open || code.textContent) return;
    const whole = pretty();
    code.textContent = whole.length > MOST_SHOWN ? `${whole.slice(0, MOST_SHOWN)}\n… (the rest is in the copy and in the download)` : whole;
  });
  const command = curl(file, query);
  return make(
    "section", { class: "raw", "aria-label": "Take it away" },
    make("h3", { text: "Take it away" }),
    drawExports({ pretty, file, query, job }),
    make("details", { class: "fold" }, make("summary", { text: "The same call with curl" }),
      make("pre", { class: "code", tabindex: 0, "aria-label": "curl command", text: command }), make("div", { class: "row" }, copyButton("Copy command", () => command))),
    fold,
  );
}

function drawExports({ pretty, file, query, job }) {
  const said = make("p", { class: "fine", role: "status" });
  const name = baseName(file.name);
  const json = make("button", { type: "button", class: "button small", text: "JSON" });
  json.addEventListener("click", () => save(new Blob([pretty()], { type: "application/json" }), `${name}.json`));
  const others = FORMS.map(({ label, suffix, type }) => {
    const button = make("button", { type: "button", class: "button small", text: label });
    button.addEventListener("click", async () => {
      if (button.getAttribute("aria-disabled") === "true") return;
      button.setAttribute("aria-disabled", "true");
      said.textContent = `Asking the server for ${label} …`;
      try {
        save(await exportAs(type, { file, query, job }), `${name}.${suffix}`);
        said.textContent = `Saved ${name}.${suffix}.`;
      } catch (error) {
        said.textContent = `${error.document?.detail ?? error.message} ${error.document?.remedy ?? ""}`;
      }
      button.removeAttribute("aria-disabled");
    });
    return button;
  });
  return make("div", { class: "exports" }, make("div", { class: "row" }, json, others), job && isHeld(job) ? drawKept(job) : make("p", { class: "fine", text: NOTHING_KEPT }), said);
}

const NOTHING_KEPT = "The server keeps nothing of it. JSON is here already; for the other forms the file is sent and analysed once more.";

/** Say what the server keeps, and let it be erased. */
function drawKept(job) {
  const told = make("span", { text: "The server erased the media once they were analysed. It keeps this result until you leave this page." });
  const button = make("button", { type: "button", class: "button small plain", text: "Erase it now" });
  const place = make("p", { class: "fine kept" }, told, " ", button);
  readLimits(readKey()).then((limits) => {
    if (limits && button.isConnected) told.textContent = told.textContent.replace(/\.$/, `, for ${span(limits.retention_seconds)} at most.`);
  });
  button.addEventListener("click", async () => {
    try {
      await letGo(job);
      told.textContent = NOTHING_KEPT;
      button.remove();
      announce("Erased: the server keeps nothing of it.");
    } catch (error) {
      told.textContent = `It could not be erased: ${error.message}`;
    }
  });
  return place;
}

/** Ask for a form of the result that is kept; where it is gone, send the file again. */
async function exportAs(type, { file, query, job }) {
  if (job && isHeld(job)) {
    try {
      return await exportOf(job, type, { key: readKey() });
    } catch (error) {
      if (error.document?.status !== 404) throw error;
    }
  }
  return exportAgain(file, type, { query, key: readKey() });
}

/** Let the browser save something. */
export function save(blob, name) {
  const url = URL.createObjectURL(blob);
  const link = make("a", { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 30_000);
  announce(`Saved ${name}`);
}

function baseName(name) {
  return name.replace(/\.[^.]{1,5}$/, "") || "analysis";
}

/** Give the command that makes the same call; a key is named, never written out. */
export function curl(file, query) {
  const url = new URL("v1/analyses", document.baseURI);
  url.search = query.toString();
  const key = readKey() ? " -H \"Authorization: Bearer $EMOTION_KEY\"" : "";
  // In a form's path, curl reads ; and , as its own, unless it stands in double quotes.
  const path = `"${file.name.replaceAll("\\", "\\\\").replaceAll("\"", "\\\"")}"`;
  return `curl${key} -F ${quoted(`file=@${path}`)} ${quoted(url.href)}`;
}

function quoted(word) {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
