// The picture, film or sound itself, with what was found drawn over it.

import { Boxes, FaceTrack, describeFaces } from "./boxes.js";
import { make } from "./dom.js";

/** Show a picture with its faces. */
export function showPicture(analysis, url, name) {
  const faces = analysis.frames?.[0]?.faces ?? [];
  const boxes = new Boxes();
  boxes.show(faces);
  const picture = make("img", { src: url, alt: `${name}. ${describeFaces(faces)}` });
  const frame = make("div", { class: "stage-frame" }, picture, boxes.element);
  const { width, height } = upright(analysis.media.video);
  frame.style.setProperty("--ratio", width / height);
  picture.addEventListener("error", () => picture.replaceWith(cannotShow(analysis.media)), { once: true });
  return make("div", { class: "stage" }, frame);
}

/**
 * Show a film with its faces, as its player goes on.
 * @param {import("./player.js").Player} player
 * @returns {{element: HTMLElement, update: (analysis: any) => void}} `update` is called when there are more frames
 */
export function showFilm(analysis, player) {
  const track = new FaceTrack(analysis.frames ?? []);
  const boxes = new Boxes();
  const { width, height } = player.element
    ? { width: player.element.videoWidth, height: player.element.videoHeight }
    : upright(analysis.media.video);
  const frame = make("div", { class: "stage-frame" }, player.element ?? cannotShow(analysis.media), boxes.element);
  frame.style.setProperty("--ratio", width / height);
  if (player.element) {
    player.element.setAttribute("aria-label", "Your film");
    player.element.onclick = () => player.toggle();
  }
  const follow = () => boxes.show(track.facesAt(player.time()));
  player.onTime(follow);
  follow();
  const update = ({ frames }) => {
    // Another list where the analysis has begun anew.
    track.frames = frames;
    track.measure();
    follow();
  };
  return { element: make("div", { class: "stage" }, frame), update };
}

function upright({ width, height, rotation }) {
  return rotation % 180 === 0 ? { width, height } : { width: height, height: width };
}

function cannotShow({ kind, container, video }) {
  const coding = [container, video?.codec].filter(Boolean).join(", ");
  return make("p", { class: "cannot-show", text: `This browser cannot show this ${kind} (${coding}). What was found in it stands where it was found.` });
}
