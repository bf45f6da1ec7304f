// Figures and media as people read them; the same words as the command line's.

/** Give a share of 0..1 as whole per cent; what is there is never called 0. */
export function percent(share) {
  return share > 0 && share < 0.01 ? "<1 %" : `${Math.round(share * 100)} %`;
}

/** Give a point in time: `3.2 s` under a minute, `1:02.4` and `1:02:03` from there on. */
export function clock(seconds) {
  const tenths = Math.round(seconds * 10);
  if (tenths < 600) return `${(tenths / 10).toFixed(1)} s`;
  const whole = Math.floor(tenths / 10);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (number) => String(number).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}.${tenths % 10}`;
}

/** Give a length of time in words, for limits: `an hour`, `10 minutes`. */
export function span(seconds) {
  if (seconds % 3600 === 0) return seconds === 3600 ? "an hour" : `${seconds / 3600} hours`;
  return seconds % 60 === 0 ? `${seconds / 60} minutes` : clock(seconds);
}

/** Give a number of bytes in B, kB or MB (thousands). */
export function size(bytes) {
  if (bytes >= 1e6) return `${(bytes / 1e6).toFixed(bytes >= 1e8 ? 0 : 1)} MB`;
  return bytes >= 1e3 ? `${(bytes / 1e3).toFixed(1)} kB` : `${bytes} B`;
}

const CHANNELS = { 1: "mono", 2: "stereo", 6: "5.1", 8: "7.1" };

/** Say in one line what was uploaded. */
export function describeMedia(media) {
  const parts = [[media.kind, media.container, media.seconds === null ? null : clock(media.seconds)].filter(Boolean).join(", ")];
  if (media.video) {
    const { codec, width, height, fps, rotation } = media.video;
    let text = `${codec} ${width} × ${height}`;
    if (fps) text += `, ${Number(fps.toPrecision(4))} fps`;
    parts.push(rotation ? `${text}, turned by ${rotation}°` : text);
  }
  if (media.audio) {
    const { codec, rate, channels } = media.audio;
    parts.push(`${codec} ${Number((rate / 1000).toPrecision(4))} kHz ${CHANNELS[channels] ?? `${channels} channels`}`);
  }
  return parts.join(" · ");
}

/** Say from when on a voice's scores lean on what is usual for it. @param {{start: number, readings: number}} baseline */
export function leaning({ start, readings }) {
  const from = start > 0 ? ` from ${clock(start)} on` : "";
  return `leans on what is usual for this voice${from} (${Number(readings.toFixed(1))} stretches of it)`;
}

/** Give a judgement in words: `happiness, 93 %`, with ` (uncertain)` where the networks are. */
export function judgement({ label, confidence, uncertain }) {
  return `${label}, ${percent(confidence)}${uncertain ? " (uncertain)" : ""}`;
}
