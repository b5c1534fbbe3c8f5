import assert from "node:assert/strict";
import { test } from "node:test";

import { playPart, watchPlayback } from "../static/playback.js";

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
function watched(t, fields = {}, startS = 0) {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const video = Object.assign(new Video(), fields);
  const told = [];
  const ending = new AbortController();
  t.after(() => ending.abort());
  watchPlayback(video, (seconds, rate) => told.push([seconds, rate]), ending.signal, startS);
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

test("seconds are told from where the reference begins in its clip", (t) => {
  const { video, told } = watched(t, { currentTime: 3.5 }, 1.5);
  video.becomes("seeked", { currentTime: 1.4 });
  assert.deepEqual(told, [[2, 1], [0, 1]]);
});

/** A video that plays the part from 1.5 to 6 s of its clip. */
function played(t, fields = {}, part = { startS: 1.5, endS: 6 }) {
  const video = Object.assign(new Video(), { plays: 0 }, fields);
  video.play = async () => {
    video.plays += 1;
  };
  const ending = new AbortController();
  t.after(() => ending.abort());
  playPart(video, () => part, ending.signal);
  return { video, part, ending };
}

test("a part is played from its begin", (t) => {
  assert.equal(played(t, { currentTime: 0 }).video.currentTime, 1.5);
});

test("a video that is not there yet goes to the part's begin when it is", (t) => {
  const { video } = played(t, { currentTime: 0, readyState: 0 });
  assert.equal(video.currentTime, 0);
  video.becomes("loadedmetadata", { readyState: 1 });
  assert.equal(video.currentTime, 1.5);
});

test("who has gone elsewhere before it is there stays there", (t) => {
  assert.equal(played(t, { currentTime: 3, paused: true }).video.currentTime, 3);
  const { video } = played(t, { currentTime: 3, readyState: 0 });
  video.becomes("loadedmetadata", { readyState: 1, paused: true });
  assert.equal(video.currentTime, 3);
});

test("at the part's end it begins anew, and not before", (t) => {
  const { video } = played(t);
  video.becomes("timeupdate", { currentTime: 5.9 });
  assert.equal(video.currentTime, 5.9);
  video.becomes("timeupdate", { currentTime: 5.99 });
  assert.equal(video.currentTime, 1.5);
});

test("a part that ends with its clip begins anew, too", (t) => {
  const { video } = played(t, {}, { startS: 1.5, endS: null });
  video.becomes("ended", { currentTime: 9.6, paused: true, ended: true });
  assert.deepEqual([video.currentTime, video.plays], [1.5, 1]);
});

test("who plays from before the part begins with it", (t) => {
  const { video } = played(t);
  video.becomes("play", { currentTime: 0.4 });
  assert.equal(video.currentTime, 1.5);
});

test("the frame that a part begins with may have begun a little earlier", (t) => {
  const { video } = played(t);
  video.becomes("seeked", { currentTime: 1.44 });
  assert.equal(video.currentTime, 1.44);
});

test("a video that stands may be anywhere", (t) => {
  const { video } = played(t);
  video.becomes("seeked", { paused: true, currentTime: 8.2 });
  assert.equal(video.currentTime, 8.2);
});

test("another part holds from the next moment on", (t) => {
  const { video, part } = played(t);
  part.endS = 4;
  video.becomes("timeupdate", { currentTime: 4.2 });
  assert.equal(video.currentTime, 1.5);
});

test("each frame is looked at where the browser tells them", (t) => {
  const asked = [];
  const { video, ending } = played(t, { requestVideoFrameCallback: (each) => asked.push(each) });
  video.currentTime = 6.02;
  asked.at(-1)();
  assert.equal(video.currentTime, 1.5);
  ending.abort();
  asked.at(-1)();
  assert.equal(asked.length, 2);
});
