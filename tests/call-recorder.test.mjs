import assert from "node:assert/strict";
import { test } from "node:test";

import { recordRolling } from "../static/call/rolling-recorder.js";

globalThis.MediaStream = class {
  constructor(tracks) {
    this.tracks = tracks;
  }
};

/** Records the seconds from its start to its end, as text. */
class Recorder extends EventTarget {
  state = "inactive";
  constructor(clock) {
    super();
    this.clock = clock;
  }
  start() {
    this.state = "recording";
    this.from = this.clock.ms;
  }
  stop() {
    this.state = "inactive";
    const data = `${this.from / 1000}-${this.clock.ms / 1000}`;
    queueMicrotask(() => {
      this.dispatchEvent(Object.assign(new Event("dataavailable"), { data }));
      this.dispatchEvent(new Event("stop"));
    });
  }
}

function rolling(t, { track = { readyState: "live" }, type = "video/webm;codecs=vp8" } = {}) {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const clock = { ms: 0 };
  const recorders = [];
  const make = () => recorders.at(recorders.push(new Recorder(clock)) - 1);
  const ending = new AbortController();
  t.after(() => ending.abort());
  const recording = recordRolling(track, ending.signal, { type, make, now: () => clock.ms });
  const passes = (seconds) => {
    for (let s = 0; s < seconds; s += 1) {
      clock.ms += 1000;
      t.mock.timers.tick(1000);
    }
  };
  const taken = async () => {
    const { blob, durationS } = await recording.take();
    return [await blob.text(), durationS];
  };
  return { recording, recorders, passes, taken, ending, track };
}

test("what was shown so far is there at once", async (t) => {
  const { passes, taken } = rolling(t);
  passes(12);
  assert.deepEqual(await taken(), ["0-12", 12]);
});

for (const [seconds, expected] of [[45, "0-45"], [59, "0-59"], [61, "30-61"], [100, "60-100"], [301, "270-301"]]) {
  test(`after ${seconds} s at least 30 and at most 60 s are kept`, async (t) => {
    const { passes, taken } = rolling(t);
    passes(seconds);
    assert.equal((await taken())[0], expected);
  });
}

test("two recordings are on at most", (t) => {
  const { passes, recorders } = rolling(t);
  passes(200);
  assert.equal(recorders.filter(({ state }) => state === "recording").length, 2);
});

test("after it was taken it goes on", async (t) => {
  const { passes, taken } = rolling(t);
  passes(10);
  await taken();
  passes(8);
  assert.deepEqual(await taken(), ["10-18", 8]);
});

test("what was last stays when it is over, and nothing records any more", async (t) => {
  const { passes, taken, ending, recorders } = rolling(t);
  passes(40);
  ending.abort();
  passes(100);
  assert.deepEqual(recorders.map(({ state }) => state), ["inactive", "inactive"]);
  assert.deepEqual(await taken(), ["0-40", 40]);
  assert.deepEqual(await taken(), ["0-40", 40]);
});

test("the blob's type is that of a file", async (t) => {
  const { passes, recording } = rolling(t);
  passes(3);
  assert.equal((await recording.take()).blob.type, "video/webm");
});

test("a browser that can't record has nothing", (t) => {
  assert.equal(rolling(t, { type: null }).recording.take(), null);
});

test("a camera that was closed records nothing new", (t) => {
  const { passes, recorders, track } = rolling(t);
  track.readyState = "ended";
  passes(100);
  assert.equal(recorders.length, 1);
});
