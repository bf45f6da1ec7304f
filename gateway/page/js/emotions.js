// The seven emotions: their order, and a drawn face for each, so that nobody has to tell them apart by colour.

import { draw } from "./dom.js";

export const EMOTIONS = ["neutral", "happiness", "sadness", "anger", "fear", "disgust", "surprise"];

const EYES = "M8.7 9.4v.9M15.3 9.4v.9";
const FACES = {
  neutral: `${EYES}M8.2 15.3h7.6`,
  happiness: `${EYES}M7.4 13.9c1 2.2 2.6 3.2 4.6 3.2s3.6-1 4.6-3.2`,
  sadness: `${EYES}M8 16.9c.9-1.5 2.2-2.2 4-2.2s3.1.7 4 2.2`,
  anger: "M7 7.9l2.8 1.6M17 7.9l-2.8 1.6M8.9 10.9v.2M15.1 10.9v.2M8.2 16.2c.9-.9 2.2-1.4 3.8-1.4s2.9.5 3.8 1.4",
  fear: "M7.2 7.6l2.4-.9M16.8 7.6l-2.4-.9M8.7 10v.7M15.3 10v.7M8 16.3l1.3-1.2 1.4 1.2 1.3-1.2 1.3 1.2 1.4-1.2 1.3 1.2",
  disgust: "M7.4 9.8h2.6M14 9.8h2.6M7.8 15.9c1.3-1.4 2.7-1.4 4.2-.3s2.9 1.1 4.2-.4",
  surprise: "M8.7 8.9v1.1M15.3 8.9v1.1M7.3 6.7c.6-.5 1.3-.7 2.1-.6M16.7 6.7c-.6-.5-1.3-.7-2.1-.6M12 13.7a1.9 2.1 0 1 0 .001 0",
};

/** Draw the face of an emotion, in its colour. */
export function glyph(emotion) {
  return draw(
    "svg", { class: "glyph", viewBox: "0 0 24 24", "aria-hidden": "true", "data-emotion": emotion },
    draw("circle", { cx: 12, cy: 12, r: 10 }), draw("path", { d: FACES[emotion] }),
  );
}
