import assert from "node:assert/strict";
import { test } from "node:test";

import { qualityOf } from "../static/call/quality.js";

/** A sample at `s` seconds. Counters are as since the begin. */
const sample = (s, { received = 0, lost = 0, bytes = 0, sent = 0, lostThere = 0, rttS = 0.05, pair = {} } = {}) => [
  { type: "inbound-rtp", id: "v", timestamp: s * 1000, packetsReceived: received, packetsLost: lost, bytesReceived: bytes },
  { type: "outbound-rtp", id: "o", timestamp: s * 1000, packetsSent: sent },
  { type: "remote-inbound-rtp", id: "r", timestamp: s * 1000, packetsLost: lostThere },
  { type: "transport", id: "t", timestamp: s * 1000, selectedCandidatePairId: "p2" },
  { type: "candidate-pair", id: "p1", timestamp: s * 1000, currentRoundTripTime: 9 },
  { type: "candidate-pair", id: "p2", timestamp: s * 1000, currentRoundTripTime: rttS, ...pair },
];
const between = (changes, expected = true) =>
  qualityOf(sample(10, { received: 5000, lost: 100, bytes: 1e6, sent: 5000, lostThere: 50 }), sample(12, changes), expected);
const well = { received: 5400, lost: 100, bytes: 1_250_000, sent: 5400, lostThere: 50 };

test("what came between two samples is told, not what was before", () => {
  assert.deepEqual(between({ ...well, lost: 116, received: 5384 }), { rttMs: 50, lossShare: 0.04, kbitS: 1000, level: "fair" });
});

test("a connection that loses nothing is good", () => {
  assert.deepEqual(between(well), { rttMs: 50, lossShare: 0, kbitS: 1000, level: "good" });
});

test("the worse direction counts", () => {
  const quality = between({ ...well, lostThere: 130 });
  assert.equal(quality.lossShare, 0.2);
  assert.equal(quality.level, "poor");
});

test("the longer the way, the worse", () => {
  const levels = [0.25, 0.4, 0.9].map((rttS) => between({ ...well, rttS }).level);
  assert.deepEqual(levels, ["good", "fair", "poor"]);
});

test("nothing at all is poor while the other person sends something", () => {
  const silent = { ...well, received: 5000, bytes: 1e6 };
  assert.equal(between(silent).level, "poor");
  assert.equal(between(silent, false).level, "good");
});

test("the pair in use is found where a browser only marks it", () => {
  const firefox = (s) => [
    { type: "candidate-pair", id: "p1", timestamp: s * 1000, selected: false, nominated: true, state: "succeeded", currentRoundTripTime: 9 },
    { type: "candidate-pair", id: "p2", timestamp: s * 1000, selected: true, currentRoundTripTime: 0.02 },
  ];
  assert.equal(qualityOf(firefox(0), firefox(2), false).rttMs, 20);
});

test("counters that began anew are no loss below 0", () => {
  const quality = qualityOf(sample(10, { received: 5000, lost: 900, bytes: 1e6 }), sample(12, { received: 100, lost: 0, bytes: 25_000 }), true);
  assert.equal(quality.lossShare, 0);
  assert.equal(quality.kbitS, 100);
});

test("before anything was counted nothing is told", () => {
  assert.deepEqual(qualityOf([], [], false), { rttMs: null, lossShare: null, kbitS: 0, level: "good" });
});
