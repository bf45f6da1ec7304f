// The fold with options: what goes into the query, and the key.

import { byId } from "./dom.js";

const form = () => byId("options");
const DEFAULT_FPS = "5";

/** Give the options that differ from the defaults, as the query of a call. */
export function readQuery() {
  const { fps, face, speech, profile, baseline } = form().elements;
  const query = new URLSearchParams();
  if (fps.value.trim() !== "" && fps.value.trim() !== DEFAULT_FPS) query.set("fps", fps.value.trim());
  if (face.checked !== speech.checked) query.set("modalities", face.checked ? "face" : "speech");
  if (profile.value !== "default") query.set("profile", profile.value);
  if (!baseline.checked) query.set("baseline", "off");
  return query;
}

const MOST_LIVE_FPS = 10;

/** Give what a live stream is asked for. @returns {import("./live_session.js").Wishes} */
export function readLive() {
  const { fps, face, speech, profile, baseline, source } = form().elements;
  return {
    modalities: [face.checked && "face", speech.checked && "speech"].filter(Boolean),
    fps: Math.min(MOST_LIVE_FPS, Number(fps.value) || Number(DEFAULT_FPS)),
    profile: profile.value,
    source: source.value,
    baseline: baseline.checked,
    key: readKey(),
  };
}

/** Give the API key; empty where none is needed. It lives in the form's field and nowhere else. */
export function readKey() {
  return form().elements.key.value.trim();
}

/** Set the API key. */
export function setKey(key) {
  const field = form().elements.key;
  field.value = key;
  field.dispatchEvent(new Event("change", { bubbles: true }));
}

/** Call `tell` whenever another API key was given. */
export function onKey(tell) {
  form().elements.key.addEventListener("change", () => tell());
}

/** Keep the summary true, and one of the two modalities ticked. */
export function watchOptions() {
  const { face, speech } = form().elements;
  const tell = () => {
    const changed = [...readQuery()].map(([name, value]) => `${name} ${value}`);
    byId("options-summary").textContent = changed.length ? changed.join(", ") : "";
  };
  face.addEventListener("change", () => { if (!face.checked) speech.checked = true; });
  speech.addEventListener("change", () => { if (!speech.checked) face.checked = true; });
  form().addEventListener("input", tell);
  form().addEventListener("change", tell);
  form().addEventListener("submit", (event) => event.preventDefault());
  tell();
}
