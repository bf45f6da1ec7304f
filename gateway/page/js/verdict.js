// The verdict: one emotion, how sure it is, all seven scores, and what face and voice each said.

import { make } from "./dom.js";
import { EMOTIONS, glyph } from "./emotions.js";
import { leaning, percent } from "./wording.js";

/** Draw the verdict of an analysis. */
export function drawVerdict(analysis) {
  const verdict = analysis.emotion;
  if (!verdict) return drawNone(analysis);
  return make(
    "section", { class: "verdict", "aria-label": "Verdict", "data-emotion": verdict.label },
    make("div", { class: "verdict-head" }, glyph(verdict.label),
      make("p", { class: "verdict-label" }, make("span", { text: verdict.label }), " ", make("span", { class: "verdict-share", text: percent(verdict.confidence) }))),
    make("p", { class: `sureness ${verdict.uncertain ? "unsure" : "sure"}`, text: sureness(analysis) }),
    drawScores(analysis),
    drawWeights(analysis),
    drawReadings(analysis),
  );
}

/** Only a strategy that goes by one modality alone gives no emotion where the other one was read. */
function drawNone(analysis) {
  const { face, speech } = analysis;
  if (!face && !speech) {
    return make("section", { class: "verdict none", "aria-label": "Verdict" },
      make("p", { class: "verdict-label", text: "Nothing to read" }),
      make("p", { text: "Neither a face nor speech could be read, and nothing is made up." }));
  }
  const [wanted, read] = face ? ["voice", "face"] : ["face", "voice"];
  return make(
    "section", { class: "verdict none", "aria-label": "Verdict" },
    make("p", { class: "verdict-label", text: "No fused emotion" }),
    make("p", { text: `The strategy that was asked for goes by the ${wanted} alone, and none was read. The scores are those of the ${read}.` }),
    drawScores(analysis),
    drawReadings(analysis),
  );
}

function sureness({ emotion, face, speech }) {
  if (!emotion.uncertain) return "Sure enough for the networks to commit themselves. It is what is shown, not what is felt.";
  const both = emotion.weights.face > 0 && emotion.weights.speech > 0;
  return both && face.label !== speech.label
    ? `Uncertain: the face shows ${face.label}, the voice ${speech.label}. Take it as a hint.`
    : "Uncertain: below the confidence at which the networks commit themselves. Take it as a hint.";
}

function drawScores({ emotion, face, speech }) {
  const both = Boolean(face && speech);
  const { label, scores } = emotion ?? face ?? speech;
  const head = make("tr", {}, make("th", { scope: "col" }, make("span", { class: "unseen", text: "emotion" })),
    make("th", { scope: "col" }, make("span", { class: "unseen", text: "share" })), make("th", { scope: "col", text: both ? "fused" : "score" }),
    both && [make("th", { scope: "col", text: "face" }), make("th", { scope: "col", text: "voice" })]);
  const rows = EMOTIONS.map((name) => make(
    "tr", { "data-emotion": name, class: name === label ? "top-score" : null },
    make("th", { scope: "row" }, make("span", {}, glyph(name), name)),
    make("td", { class: "bar-cell" }, make("div", { class: "bar" }, make("div", { class: "bar-fill", css: { width: `${scores[name] * 100}%` } }))),
    make("td", { text: percent(scores[name]) }),
    both && [make("td", { class: "soft", text: percent(face.scores[name]) }), make("td", { class: "soft", text: percent(speech.scores[name]) })],
  ));
  return make("table", { class: "scores" }, make("caption", { class: "unseen", text: "Scores of the seven emotions" }), make("thead", {}, head), make("tbody", {}, rows));
}

function drawWeights({ emotion, face, speech }) {
  if (!face || !speech) {
    return make("p", { class: "fine", text: face ? "From the face alone." : "From the voice alone." });
  }
  const { weights } = emotion;
  return make(
    "div", { class: "weights" },
    make("p", { class: "fine", text: `The face counted ${percent(weights.face)}, the voice ${percent(weights.speech)}.` }),
    make("div", { class: "weight-bar", "aria-hidden": "true" }, make("div", { class: "weight-face", css: { width: `${weights.face * 100}%` } }), make("div", { class: "weight-voice" })),
  );
}

function drawReadings({ face, speech, media }) {
  const items = [];
  if (face) {
    const seen = media.kind === "film" ? `, seen in ${percent(face.coverage)} of the frames` : "";
    items.push(reading("Face", face, seen));
  }
  if (speech) {
    const level = Number.isFinite(speech.snr_db) ? `, ${Math.round(speech.snr_db)} dB above the pauses` : "";
    items.push(reading("Voice", speech, `; ${speech.seconds.toFixed(1)} s of speech${level}${speech.baseline ? `; ${leaning(speech.baseline)}` : ""}`));
  }
  return make("dl", { class: "readings" }, items);
}

function reading(title, { label, confidence, uncertain }, more) {
  return make("div", {}, make("dt", { text: title }),
    make("dd", {}, glyph(label), make("span", {}, make("strong", { text: `${label} ${percent(confidence)}` }), uncertain ? ", uncertain" : "", more)));
}
