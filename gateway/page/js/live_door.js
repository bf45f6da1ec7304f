// The live door: what lies behind it is loaded when somebody goes there, or is about to.

import { whyNot } from "./camera.js";
import { announce, byId } from "./dom.js";

/** Open the door. */
export function openLiveDoor() {
  const button = byId("go-live");
  if (whyNot()) {
    button.setAttribute("aria-disabled", "true"); // the camera door beside it says why
    return;
  }
  let room = null;
  const enter = () => {
    room ??= import("./live_room.js").then(({ LiveRoom }) => new LiveRoom());
    return room;
  };
  for (const nearing of ["pointerenter", "focus"]) button.addEventListener(nearing, () => { enter().catch(() => { room = null; }); });
  button.addEventListener("click", async () => {
    try {
      (await enter()).start();
    } catch {
      room = null;
      const note = byId("camera-note");
      note.textContent = "The server does not answer: check that it still runs, then try again.";
      note.hidden = false;
      announce(note.textContent);
    }
  });
}
