/**
 * Where the lines over a person's picture go. Values in, values out: no DOM, no clock.
 *
 * A pose has x and y of each landmark in thousandths of the picture that was sent; a place is `[x, y]` in pixels of the
 * box that shows it, or null for a landmark that was not seen.
 */

/** Pairs of landmarks: arms, trunk, legs, feet. Hands and face move too much to be of use. */
export const BONES = [
  [11, 12],
  [11, 13],
  [13, 15],
  [12, 14],
  [14, 16],
  [11, 23],
  [12, 24],
  [23, 24],
  [23, 25],
  [25, 27],
  [27, 31],
  [24, 26],
  [26, 28],
  [28, 32],
];

export const JOINTS = [11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28];

const NOSE = 0;
const EARS = [7, 8];
const TRUNK = [11, 12, 23, 24];

/** The joint of each part, and the bones on both its sides. */
const PART_LANDMARKS = {
  left_elbow: [13, [[11, 13], [13, 15]]],
  right_elbow: [14, [[12, 14], [14, 16]]],
  left_shoulder: [11, [[11, 13], [11, 23]]],
  right_shoulder: [12, [[12, 14], [12, 24]]],
  left_hip: [23, [[11, 23], [23, 25]]],
  right_hip: [24, [[12, 24], [24, 26]]],
  left_knee: [25, [[23, 25], [25, 27]]],
  right_knee: [26, [[24, 26], [26, 28]]],
  trunk: [null, [[11, 12], [11, 23], [12, 24], [23, 24]]],
};

/** A bone as text, the same for both its directions in the table above. */
export const boneName = ([from, to]) => `${from}-${to}`;

/** The names of the bones beside the parts that differ. */
export function differingBones(parts) {
  return new Set(parts.flatMap((part) => PART_LANDMARKS[part][1].map(boneName)));
}

/** What the name of a part stands beside: its joint, or the right edge of the trunk. */
export function partPlace(part, places) {
  const joint = PART_LANDMARKS[part][0];
  if (joint !== null) return places[joint];
  const corners = TRUNK.map((each) => places[each]);
  const centre = middle(corners);
  return centre === null ? null : [Math.max(...corners.map(([x]) => x)), centre[1]];
}

/** The head as a place, or null: between the ears, or the nose where one of them is hidden. */
export function headPlace(places) {
  return middle(EARS.map((each) => places[each])) ?? places[NOSE];
}

/** The middle of places, or null when one is missing. */
export function middle(places) {
  if (places.some((place) => place === null)) return null;
  const sum = places.reduce(([x, y], [px, py]) => [x + px, y + py], [0, 0]);
  return sum.map((total) => total / places.length);
}

/** 66 numbers as 33 pairs, null for what was not seen. */
export function pairs(points) {
  return Array.from({ length: points.length / 2 }, (_, i) =>
    points[2 * i] === null ? null : [points[2 * i], points[2 * i + 1]],
  );
}

/**
 * Pairs of thousandths as places in a box that shows a picture.
 *
 * `picture` and `box` are `{width, height}`; `fit` is the video's `object-fit`, "contain" or "cover"; `mirrored` swaps left
 * and right.
 */
export function places(thousandths, picture, box, { fit, mirrored }) {
  const scales = [box.width / picture.width, box.height / picture.height];
  const scale = fit === "cover" ? Math.max(...scales) : Math.min(...scales);
  const [width, height] = [picture.width * scale, picture.height * scale];
  return thousandths.map((pair) => {
    if (pair === null) return null;
    const share = mirrored ? 1 - pair[0] / 1000 : pair[0] / 1000;
    return [(box.width - width) / 2 + share * width, (box.height - height) / 2 + (pair[1] / 1000) * height];
  });
}

/** Poses come every eighth of a second; the lines are two thirds of the way to a new one after this time. */
const EASE_MS = 60;

/** What is shown, `ms` later, on its way to `wanted`; a landmark that appears or goes does so at once. */
export function eased(shown, wanted, ms) {
  const part = 1 - Math.exp(-ms / EASE_MS);
  return wanted.map((to, i) => {
    const from = shown?.[i] ?? null;
    if (from === null || to === null) return to;
    return [from[0] + (to[0] - from[0]) * part, from[1] + (to[1] - from[1]) * part];
  });
}

/** The lines stay this long without a newer pose, then fade. */
const STALE_MS = 1_000;
const FADE_MS = 400;

/** How visible a pose of this age is, 0 to 1; without motion it goes at once. */
export function opacity(ageMs, motion) {
  if (ageMs <= STALE_MS) return 1;
  return motion ? Math.max(0, 1 - (ageMs - STALE_MS) / FADE_MS) : 0;
}

/** More labels than this would hide the person. */
const MOST_LABELS = 3;

/**
 * Boxes for the names of the parts that differ, the farthest first: beside their joint, away from the body's middle,
 * inside the picture and not over each other.
 *
 * `sizeOf(part)` gives `{width, height}` of its label. Returns `{part, x, y, width, height}` from the top left.
 */
export function labelBoxes(parts, spots, box, sizeOf, gap) {
  const seen = spots.filter((spot) => spot !== null);
  const centre = seen.reduce((sum, [x]) => sum + x, 0) / seen.length;
  const boxes = [];
  for (const part of parts.slice(0, MOST_LABELS)) {
    const at = partPlace(part, spots);
    if (at === null) continue;
    const { width, height } = sizeOf(part);
    const x = at[0] >= centre ? at[0] + gap : at[0] - gap - width;
    const inside = (value, most) => Math.max(0, Math.min(value, most));
    const label = {
      part,
      x: inside(x, box.width - width),
      y: inside(at[1] - height / 2, box.height - height),
      width,
      height,
    };
    for (let other; (other = boxes.find((each) => overlap(label, each))); ) {
      label.y = other.y + other.height + 4;
    }
    if (label.y + height <= box.height) boxes.push(label);
  }
  return boxes;
}

function overlap(a, b) {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}
