import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { STATES, bye, clock, hello, parseMessage, ping, renew } from "../static/messages.js";

const samples = JSON.parse(readFileSync(new URL("data/messages.json", import.meta.url), "utf8"));
const sampleOf = (type) => samples.server.find((sample) => sample.type === type);
const parse = (message) => parseMessage(JSON.stringify(message));

for (const [index, sample] of samples.server.entries()) {
  test(`sample ${index} of the server, ${sample.type}, is read unchanged`, () => {
    assert.deepEqual(parse(sample), sample);
  });
}

test("the page writes its messages as in the samples", () => {
  const clocks = [clock(2.4, 1), clock(2.4, 0), clock(null, null)];
  const written = [hello(), hello(31, 116), ping(7), ...clocks, renew("header.claims.signature"), bye()];
  assert.deepEqual(written.map((each) => JSON.parse(each)), samples.client);
});

test("each field of a message is needed", () => {
  for (const type of new Set(samples.server.map((sample) => sample.type))) {
    const sample = sampleOf(type);
    for (const name of Object.keys(sample)) {
      const { [name]: _, ...rest } = sample;
      assert.equal(parse(rest), null, `${type} without ${name}`);
    }
  }
});

test("a score may be in every state, with a number in `scoring` alone", () => {
  const sample = sampleOf("score");
  for (const state of STATES) {
    const silent = { ...sample, state, score: null };
    assert.deepEqual(parse(silent), silent);
    assert.equal(parse({ ...sample, state }) === null, state !== "scoring", state);
  }
});

for (const [name, change] of Object.entries({
  "a score above 100": { score: 100.5 },
  "a score below 0": { score: -1 },
  "a score as text": { score: "82" },
  "a component above 1": { components: { movement: 2, timing: 0.5, range: 0.5 } },
  "a component that is missing": { components: { movement: 0.5, timing: 0.5 } },
  "a state that does not exist": { state: "asleep" },
  "another version": { v: 2 },
  "a seq that is no whole number": { seq: 1.5 },
  "a time that is no number": { t_s: null },
})) {
  test(`${name} is left out`, () => assert.equal(parse({ ...sampleOf("score"), ...change }), null));
}

const bad = (type, cases) => {
  for (const [name, change] of Object.entries(cases)) {
    test(`${name} is left out`, () => assert.equal(parse({ ...sampleOf(type), ...change }), null));
  }
};

bad("score", {
  "a lag as text": { lag_s: "late" },
  "a count below 0": { repetitions: -1 },
  "a count that is no whole number": { repetitions: 2.5 },
  "a side that is neither": { mirrored: null },
});

const points = sampleOf("pose").points;
bad("pose", {
  "a pose with too few points": { points: points.slice(2) },
  "a point with half a place": { points: points.with(0, null) },
  "a point that is no number": { points: points.with(0, "500").with(1, 212) },
  "points that are no list": { points: { length: 66 } },
  "a part that nobody has": { parts: ["left_wing"] },
});

bad("rep", {
  "a repetition with a score above 100": { score: 120 },
  "a repetition without a range": { range: null },
  "a difference of an unknown part": { differences: [{ part: "tail", degrees: 20 }] },
  "a difference without degrees": { differences: [{ part: "trunk" }] },
});

bad("cue", {
  "a cue that does not exist": { cue: "sing" },
  "a check without a part": { cue: "check", part: null },
  "a part without a check": { cue: "lower", part: "trunk" },
  "praise as a word": { praise: "well done" },
});

bad("renewed", {
  "a lifetime as text": { expires_in: "300" },
  "a lifetime without end": { expires_in: null },
});

test("an end whose summary lacks the repetitions is left out", () => {
  const { repetitions: _, ...summary } = sampleOf("ended").summary;
  assert.equal(parse({ ...sampleOf("ended"), summary }), null);
});

test("what is no message of the server is left out", () => {
  for (const data of ["", "{", "null", "[]", "7", '"score"', '{"v":1}', '{"v":1,"seq":0,"type":"toString"}']) {
    assert.equal(parseMessage(data), null, data);
  }
  assert.equal(parse({ v: 1, type: "applause", seq: 1 }), null);
  assert.equal(parseMessage(new ArrayBuffer(4)), null);
});
