// The file door: choose, drop anywhere on the page, or paste.

import { byId } from "./dom.js";
import { onKey, readKey } from "./options.js";
import { readLimits } from "./server.js";
import { size, span } from "./wording.js";

/**
 * Open the door.
 * @param {(files: File[]) => void} onFiles
 */
export function openFileDoor(onFiles) {
  const input = byId("file-input");
  byId("file-button").addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    onFiles([...input.files]);
    input.value = ""; // so that the same file can be chosen again
  });
  watchDrops(onFiles);
  document.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (!files.length) return;
    event.preventDefault();
    onFiles(files);
  });
  onKey(tellLimits);
  tellLimits();
}

function watchDrops(onFiles) {
  const veil = byId("drop-veil");
  const door = byId("file-door");
  const bringsFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  const show = (over) => {
    veil.hidden = !over;
    door.classList.toggle("over", over);
  };
  document.addEventListener("dragover", (event) => {
    if (!bringsFiles(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
    show(true);
  });
  document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) show(false); });
  document.addEventListener("drop", (event) => {
    show(false);
    if (!bringsFiles(event)) return;
    event.preventDefault();
    onFiles([...event.dataTransfer.files]);
  });
}

async function tellLimits() {
  const limits = await readLimits(readKey());
  if (!limits) return;
  const longest = limits.media?.max_seconds;
  byId("file-limits").textContent = `Up to ${size(limits.max_upload_bytes)}${longest ? ` and ${span(longest)}` : ""} each.`;
  byId("file-door").dataset.maxBytes = limits.max_upload_bytes;
}

/** Give the most bytes that one file may have, as far as the server told. */
export function mostBytes() {
  return Number(byId("file-door").dataset.maxBytes ?? Infinity);
}
