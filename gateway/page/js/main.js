// Wiring: doors on one side, the queue in the middle, results on the other side.

import { openCameraDoor } from "./camera_door.js";
import { byId, wantsStillness } from "./dom.js";
import { openFileDoor } from "./file_door.js";
import { watchHealth } from "./health.js";
import { watchOptions } from "./options.js";
import { drawProblem } from "./problem.js";
import { Queue } from "./queue.js";
import { drawResult } from "./result.js";

let closeShown = () => {};
let newest = 0;

const queue = new Queue(show);
watchOptions();
openFileDoor((files) => queue.add(files));
openCameraDoor((files) => queue.add(files));
watchHealth();
document.documentElement.dataset.open = "";

async function show(entry) {
  const place = byId("result");
  const number = (newest += 1);
  closeShown();
  closeShown = () => {};
  place.replaceChildren();
  place.hidden = entry === null;
  if (entry === null) return;
  if (entry.problem) {
    place.append(drawProblem(entry.file.name, entry.problem, () => queue.again(entry)));
  } else {
    const { element, close } = await drawResult(entry.answer);
    if (number !== newest) { // something else was chosen meanwhile
      close();
      return;
    }
    closeShown = close;
    place.append(element);
  }
  place.dataset.shows = entry.state;
  byId("queue").scrollIntoView({ behavior: wantsStillness() ? "auto" : "smooth", block: "start" });
}
