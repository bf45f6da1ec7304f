// The answer itself: JSON, the call that gives it, and other forms to take away.

import { announce, copyButton, make } from "./dom.js";
import { readKey } from "./options.js";
import { exportAs } from "./server.js";

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
 * @param {{analysis: any, text: string, file: File, query: URLSearchParams}} shown
 */
export function drawRaw({ analysis, text, file, query }) {
  const pretty = () => JSON.stringify(JSON.parse(text), null, 1);
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
    drawExports({ analysis, pretty, file, query }),
    make("details", { class: "fold" }, make("summary", { text: "The same call with curl" }),
      make("pre", { class: "code", tabindex: 0, "aria-label": "curl command", text: command }), make("div", { class: "row" }, copyButton("Copy command", () => command))),
    fold,
  );
}

function drawExports({ analysis, pretty, file, query }) {
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
        save(await exportAs(file, type, { query, key: readKey() }), `${name}.${suffix}`);
        said.textContent = `Saved ${name}.${suffix}.`;
      } catch (error) {
        said.textContent = `${error.document?.detail ?? error.message} ${error.document?.remedy ?? ""}`;
      }
      button.removeAttribute("aria-disabled");
    });
    return button;
  });
  const sending = make("p", { class: "fine", text: "JSON is here already; for the other forms the file is sent and analysed once more, as the server kept nothing." });
  return make("div", { class: "exports", "data-analysis": analysis.id }, make("div", { class: "row" }, json, others), sending, said);
}

function save(blob, name) {
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
