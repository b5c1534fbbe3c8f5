import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { LANDMARKS, PARTS } from "../static/messages.js";
import * as skeleton from "../static/skeleton.js";

const samples = JSON.parse(readFileSync(new URL("data/messages.json", import.meta.url), "utf8"));
const [whole, half] = samples.server.filter(({ type }) => type === "pose");

const PICTURE = { width: 640, height: 480 };
const at = (pair, box, how) => skeleton.places([pair], PICTURE, box, { fit: "contain", mirrored: false, ...how })[0];

test("a pose is a pair for each landmark, null for what is not seen", () => {
  const pairs = skeleton.pairs(half.points);
  assert.equal(pairs.length, LANDMARKS);
  assert.deepEqual([pairs[0], pairs[11]], [null, [-40, 310]]);
});

test("a picture that fits whole has bars beside it or above it", () => {
  assert.deepEqual(at([0, 0], { width: 1280, height: 480 }), [320, 0]);
  assert.deepEqual(at([1000, 1000], { width: 1280, height: 480 }), [960, 480]);
  assert.deepEqual(at([500, 0], { width: 320, height: 480 }), [160, 120]);
});

test("a picture that covers its box is cut on both sides alike", () => {
  const box = { width: 240, height: 480 };
  assert.deepEqual(at([500, 500], box, { fit: "cover" }), [120, 240]);
  assert.deepEqual(at([0, 0], box, { fit: "cover" }), [-200, 0]);
});

test("a mirrored picture swaps left and right", () => {
  const box = { width: 640, height: 480 };
  assert.deepEqual(at([250, 100], box, { mirrored: true }), [480, 48]);
  assert.equal(at(null, box, { mirrored: true }), null);
});

test("lines ease to the next pose and get there", () => {
  const step = skeleton.eased([[0, 0]], [[100, 0]], 60)[0][0];
  assert.ok(step > 50 && step < 80, `${step}`);
  assert.ok(skeleton.eased([[0, 0]], [[100, 0]], 1000)[0][0] > 99.9);
});

test("a landmark that appears or goes does so at once", () => {
  assert.deepEqual(skeleton.eased([null, [5, 5]], [[1, 2], null], 1), [[1, 2], null]);
  assert.deepEqual(skeleton.eased(null, [[1, 2]], 1), [[1, 2]]);
});

test("a pose fades when it is older than a second, at once where motion is not wanted", () => {
  assert.equal(skeleton.opacity(1000, true), 1);
  const fading = skeleton.opacity(1200, true);
  assert.ok(fading > 0 && fading < 1);
  assert.equal(skeleton.opacity(1500, true), 0);
  assert.equal(skeleton.opacity(1001, false), 0);
});

test("each part that can differ has bones that are drawn", () => {
  const drawn = new Set(skeleton.BONES.map(skeleton.boneName));
  for (const part of PARTS) {
    const bones = [...skeleton.differingBones([part])];
    assert.ok(bones.length >= 2, part);
    assert.ok(bones.every((bone) => drawn.has(bone)), `${part}: ${bones}`);
  }
  assert.equal(skeleton.differingBones([]).size, 0);
});

const BOX = { width: 600, height: 400 };
const spots = (points) => skeleton.places(skeleton.pairs(points), PICTURE, BOX, { fit: "contain", mirrored: true });
const sizeOf = () => ({ width: 120, height: 30 });
const labels = (parts, points = whole.points) => skeleton.labelBoxes(parts, spots(points), BOX, sizeOf, 16);

test("the person's left is on the left of the mirrored picture, and its name outside of the body", () => {
  const [left] = labels(["left_elbow"]);
  const [right] = labels(["right_elbow"]);
  assert.ok(left.x + left.width < spots(whole.points)[13][0]);
  assert.ok(right.x > spots(whole.points)[14][0]);
});

test("three parts are named, inside the picture and not over each other", () => {
  const boxes = labels(["left_knee", "trunk", "left_hip", "left_shoulder"]);
  assert.deepEqual(boxes.map(({ part }) => part), ["left_knee", "trunk", "left_hip"]);
  for (const [i, a] of boxes.entries()) {
    assert.ok(a.x >= 0 && a.y >= 0 && a.x + a.width <= BOX.width && a.y + a.height <= BOX.height);
    for (const b of boxes.slice(i + 1)) {
      const apart = a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y;
      assert.ok(apart, `${a.part} over ${b.part}`);
    }
  }
});

test("a part whose joint is not seen is not named", () => {
  assert.deepEqual(labels(["left_knee", "trunk"], half.points), []);
});

test("the head is between the ears, else at the nose, else nowhere", () => {
  const places = Array(LANDMARKS).fill(null);
  assert.equal(skeleton.headPlace(places), null);
  places[0] = [5, 5];
  assert.deepEqual(skeleton.headPlace(places), [5, 5]);
  places[7] = [0, 0];
  places[8] = [10, 20];
  assert.deepEqual(skeleton.headPlace(places), [5, 10]);
});
