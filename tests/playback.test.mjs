import assert from "node:assert/strict";
import { test } from "node:test";

import { watchPlayback } from "../static/playback.js";

class Video extends EventTarget {
  currentTime = 2.4;
  paused = false;
  ended = false;
  seeking = false;
  readyState = 4;
  playbackRate = 1;

  becomes(change, fields) {
    Object.assign(this, fields);
    this.dispatchEvent(new Event(change));
  }
}

/** Watch a video; returns it, what was told, and the end of it. */
function watched(t, fields = {}) {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const video = Object.assign(new Video(), fields);
  const told = [];
  const ending = new AbortController();
  t.after(() => ending.abort());
  watchPlayback(video, (seconds, rate) => told.push([seconds, rate]), ending.signal);
  return { video, told, ending };
}

test("where the video is is told at once", (t) => {
  assert.deepEqual(watched(t).told, [[2.4, 1]]);
});

test("pause, play, a jump, a loop and another speed are told as they happen", (t) => {
  const { video, told } = watched(t);
  video.becomes("pause", { paused: true });
  video.becomes("play", { paused: false });
  video.becomes("seeked", { currentTime: 0 });
  video.becomes("ratechange", { playbackRate: 0.5 });
  assert.deepEqual(told.slice(1), [[2.4, 0], [2.4, 1], [0, 1], [0, 0.5]]);
});

test("a video that waits for data stands", (t) => {
  const { video, told } = watched(t);
  video.becomes("waiting", { readyState: 2 });
  assert.deepEqual(told.at(-1), [2.4, 0]);
});

test("it is told once a second, against drift", (t) => {
  const { video, told } = watched(t);
  video.currentTime = 3.4;
  t.mock.timers.tick(1000);
  assert.deepEqual(told, [[2.4, 1], [3.4, 1]]);
});

test("a video that can't be played is not told", (t) => {
  const { told } = watched(t, { readyState: 0 });
  t.mock.timers.tick(3000);
  assert.deepEqual(told, []);
});

test("no speed above what the server takes is told", (t) => {
  assert.deepEqual(watched(t, { playbackRate: 16 }).told, [[2.4, 4]]);
});

test("nothing is told after the end", (t) => {
  const { video, told, ending } = watched(t);
  ending.abort();
  video.becomes("pause", { paused: true });
  t.mock.timers.tick(3000);
  assert.equal(told.length, 1);
});
