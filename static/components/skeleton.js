/** The person's joints and limbs over their own picture; what differs is thick, dashed and named. */
import { html, useEffect, useRef } from "../preact.js";
import * as skeleton from "../skeleton.js";
import { partWords } from "../words.js";

/** The picture may have any colour: bright lines on a dark rim are seen on all of them. */
const RIM = "rgb(5 8 7 / 80%)";
const BONE = "#e9fff7";
const DIFFERS = "#ffc53d";

/** So often the lines are drawn: about as often as there is another picture below them. Drawing costs a lot. */
const EVERY_MS = 33;

/** Narrower than this there is no room for words. */
const NAMED_PX = 260;

/** `video` is the ref of the video, which shows a mirror image if `mirrored`; `pose` the newest pose message or null. */
export function Skeleton({ video, pose, mirrored = true }) {
  const canvas = useRef(null);
  const shown = useRef(null);
  useEffect(() => {
    const ending = new AbortController();
    shown.current = animate(canvas.current, video.current, mirrored, ending.signal);
    return () => ending.abort();
  }, []);
  useEffect(() => pose !== null && shown.current(pose), [pose]);
  return html`<canvas class="skeleton-lines" ref=${canvas} aria-hidden="true"></canvas>`;
}

/**
 * Draw poses on `canvas` over `video` until `signal` aborts. Returns the function that takes the next pose.
 *
 * It draws while there is a pose to show: eased from one to the next, or each once where motion is not wanted.
 */
function animate(canvas, video, mirrored, signal) {
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  let pose = null; // {points: pairs, parts, cameMs}
  let points = null; // where they are drawn now
  let drawnMs = 0;
  let drawn = null; // the pose on the canvas as it is, when motion is not wanted
  let timer = null;
  let frame = null;

  const step = (nowMs) => {
    timer = frame = null;
    if (pose === null) return;
    const ageMs = Math.max(0, nowMs - pose.cameMs);
    const visible = skeleton.opacity(ageMs, !still.matches);
    points = still.matches ? pose.points : skeleton.eased(points, pose.points, Math.max(0, nowMs - drawnMs));
    drawnMs = nowMs;
    if (pose !== drawn || visible < 1) draw(canvas, video, { points, parts: pose.parts, visible, mirrored });
    drawn = still.matches ? pose : null;
    if (visible > 0) ask();
    else pose = points = null; // the next one appears where it is
  };
  const ask = () => {
    timer ??= setTimeout(
      () => {
        frame = requestAnimationFrame(step);
      },
      Math.max(0, drawnMs + EVERY_MS - performance.now()),
    );
  };
  const end = () => {
    clearTimeout(timer);
    cancelAnimationFrame(frame);
  };
  signal.addEventListener("abort", end, { once: true });

  const sizes = new ResizeObserver(() => {
    canvas.width = Math.round(canvas.clientWidth * devicePixelRatio);
    canvas.height = Math.round(canvas.clientHeight * devicePixelRatio);
    drawn = null;
    ask();
  });
  sizes.observe(canvas);
  signal.addEventListener("abort", () => sizes.disconnect(), { once: true });

  return (message) => {
    const now = performance.now();
    if (pose === null) drawnMs = now;
    pose = { points: skeleton.pairs(message.points), parts: message.parts, cameMs: now };
    ask();
  };
}

function draw(canvas, video, { points, parts, visible, mirrored }) {
  const context = canvas.getContext("2d");
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, canvas.width, canvas.height);
  if (visible === 0 || video.videoWidth === 0) return;
  context.scale(devicePixelRatio, devicePixelRatio);
  context.globalAlpha = visible;
  context.lineCap = "round";

  const box = { width: canvas.clientWidth, height: canvas.clientHeight };
  const picture = { width: video.videoWidth, height: video.videoHeight };
  const fit = getComputedStyle(video).objectFit;
  const spots = skeleton.places(points, picture, box, { fit, mirrored });
  const thick = Math.max(2, Math.min(box.width, box.height) / 130);
  const differing = skeleton.differingBones(parts);
  const bones = skeleton.BONES.filter(([from, to]) => spots[from] !== null && spots[to] !== null);
  const differs = (bone) => differing.has(skeleton.boneName(bone));

  const limbs = bones.map(([from, to]) => [spots[from], spots[to]]);
  const head = skeleton.headPlace(spots);
  const neck = skeleton.middle([spots[11], spots[12]]);
  if (head !== null && neck !== null) limbs.push([head, neck]);
  for (const limb of limbs) line(context, limb, 2.6 * thick, RIM);
  for (const bone of bones) {
    if (differs(bone)) line(context, [spots[bone[0]], spots[bone[1]]], 5 * thick, RIM);
  }
  for (const limb of limbs) line(context, limb, thick, BONE);
  // The dashes cover the thin line below them.
  context.lineCap = "butt";
  for (const bone of bones) {
    if (!differs(bone)) continue;
    const limb = [spots[bone[0]], spots[bone[1]]];
    line(context, limb, 1.4 * thick, "#050807");
    context.setLineDash([4.2 * thick, 2.2 * thick]);
    line(context, limb, 3.2 * thick, DIFFERS);
    context.setLineDash([]);
  }
  for (const joint of skeleton.JOINTS) {
    if (spots[joint] !== null) dot(context, spots[joint], 1.5 * thick);
  }
  if (box.width >= NAMED_PX) names(context, parts, spots, box);
}

function line(context, [from, to], width, colour) {
  context.beginPath();
  context.moveTo(...from);
  context.lineTo(...to);
  context.lineWidth = width;
  context.strokeStyle = colour;
  context.stroke();
}

function dot(context, [x, y], radius) {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fillStyle = BONE;
  context.fill();
  context.lineWidth = radius / 1.6;
  context.strokeStyle = RIM;
  context.stroke();
}

function names(context, parts, spots, box) {
  const size = Math.max(16, Math.min(30, box.height / 20));
  context.font = `650 ${size}px ${getComputedStyle(context.canvas).fontFamily}`;
  context.textBaseline = "middle";
  const sizeOf = (part) => ({
    width: context.measureText(partWords(part)).width + 1.1 * size,
    height: 1.6 * size,
  });
  for (const { part, x, y, width, height } of skeleton.labelBoxes(parts, spots, box, sizeOf, size)) {
    context.beginPath();
    context.roundRect(x, y, width, height, height / 2);
    context.fillStyle = "rgb(5 8 7 / 84%)";
    context.fill();
    context.fillStyle = DIFFERS;
    context.fillText(partWords(part), x + 0.55 * size, y + 0.53 * height);
  }
}
