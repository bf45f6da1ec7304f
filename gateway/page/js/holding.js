// What the server still keeps for this page: results of jobs, erased when they are let go of or the page is left.

import { eraseJob } from "./jobs.js";
import { readKey } from "./options.js";

const held = new Set();

/** Remember that the server keeps a job. */
export function hold(id) {
  held.add(id);
}

/** Tell whether the server keeps it still, as far as this page knows. */
export function isHeld(id) {
  return held.has(id);
}

/** Erase a job on the server; nothing happens where there is none. */
export async function letGo(id) {
  if (!held.has(id)) return;
  await eraseJob(id, { key: readKey() });
  held.delete(id);
}

/** Erase everything when the page is left. */
export function eraseWhenLeft() {
  addEventListener("pagehide", () => {
    for (const id of held) letGo(id).catch(() => { /* the server erases it by itself after a while */ });
  });
}
