// Wiring: doors on one side, the queue in the middle, results on the other side.

import { openCameraDoor } from "./camera_door.js";
import { openFileDoor } from "./file_door.js";
import { watchHealth } from "./health.js";
import { eraseWhenLeft } from "./holding.js";
import { openLiveDoor } from "./live_door.js";
import { watchOptions } from "./options.js";
import { Queue } from "./queue.js";
import { Shown } from "./show.js";

const shown = new Shown((entry) => queue.again(entry));
const queue = new Queue((entry) => shown.show(entry), (entry) => shown.grow(entry));
watchOptions();
openFileDoor((files) => queue.add(files));
openCameraDoor((files) => queue.add(files));
openLiveDoor();
eraseWhenLeft();
watchHealth();
document.documentElement.dataset.open = "";
