// The word at the top: whether the server can take work.

import { byId } from "./dom.js";
import { readReady } from "./server.js";

/** Ask until the server is ready. */
export async function watchHealth() {
  const answer = await readReady();
  const place = byId("health");
  if (!answer) {
    place.dataset.state = "down";
    place.textContent = "The networks are still loading, or the server is down";
    setTimeout(watchHealth, 1500);
    return;
  }
  const lame = Object.entries(answer.components ?? {}).filter(([, state]) => state === "degraded").map(([name]) => name);
  place.dataset.state = lame.length ? "degraded" : "ready";
  place.textContent = lame.length ? `Without ${lame.map((name) => (name === "speech" ? "voices" : "faces")).join(" and ")} for now` : "Ready";
}
