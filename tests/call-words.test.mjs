import assert from "node:assert/strict";
import { test } from "node:test";

import {
  canComeBack,
  demonstrationWords,
  isAway,
  liveOfRun,
  momentsOf,
  overWords,
  positionOf,
  qualityWords,
  runWords,
  standingWords,
} from "../static/call-words.js";
import { initialLive } from "../static/live-state.js";
import { speak } from "./languages.mjs";

speak("en");

const run = { state: "running", session_id: "s1", exercise_id: "e1", name: "Squat", live: false, number: 1 };

test("the line is told as a word and as what was measured", () => {
  assert.deepEqual(qualityWords({ level: "good", rttMs: 33.6, lossShare: 0.004, kbitS: 1240 }), {
    word: "Good",
    facts: ["34 ms", "0% lost", "1.2 Mbit/s"],
  });
  assert.deepEqual(qualityWords({ level: "poor", rttMs: null, lossShare: 0.12, kbitS: 80 }).facts, ["12% lost", "80 kbit/s"]);
});

test("a call that ended for both can't be joined again, one that was left can", () => {
  assert.equal(canComeBack("ended"), false);
  assert.equal(canComeBack("deleted"), false);
  assert.equal(canComeBack("signed_out"), false);
  for (const reason of ["left", "dismissed", "replaced", "full"]) assert.equal(canComeBack(reason), true, reason);
});

test("a reason that nobody knows is told as an interruption", () => {
  assert.equal(overWords("something new").title, "The call was interrupted");
  assert.equal(overWords("ended").title, "The call is over");
});

test("where in a clip somebody is, is a share of it", () => {
  const live = { ...initialLive, referenceS: 2.05 };
  assert.deepEqual(positionOf(live, 8.2), { share: 0.25, words: "2.1 of 8.2 s" });
  assert.equal(positionOf({ ...live, referenceS: 99 }, 8.2).share, 1);
  assert.equal(positionOf(initialLive, 8.2), null);
});

test("of a demonstration only the lag is known", () => {
  assert.deepEqual(positionOf({ ...initialLive, lagS: 0.8 }, null), { share: null, words: "0.8 s behind" });
  assert.equal(positionOf(initialLive, null), null);
});

test("what was seen in another run is not shown in this one", () => {
  const live = { ...initialLive, repetitions: 7 };
  assert.equal(liveOfRun({ call: { run }, live, liveOf: "s1" }), live);
  assert.equal(liveOfRun({ call: { run }, live, liveOf: "s0" }), initialLive);
  assert.equal(liveOfRun({ call: { run: { ...run, session_id: null } }, live, liveOf: null }), initialLive);
  assert.equal(liveOfRun({ call: { run: null }, live, liveOf: "s1" }), initialLive);
});

test("what is shown is old while the line, the member's picture or the member is away", () => {
  const view = { status: "connected", scoring: "on", call: { member: { present: true } } };
  assert.equal(isAway(view), false);
  assert.equal(isAway({ ...view, scoring: "off" }), false); // on the coach's page
  assert.equal(isAway({ ...view, status: "reconnecting" }), true);
  assert.equal(isAway({ ...view, scoring: "lost" }), true);
  assert.equal(isAway({ ...view, call: { member: { present: false } } }), true);
});

test("a pause is told before anything the camera sees", () => {
  const live = { ...initialLive, state: "no_person" };
  const paused = { ...run, state: "paused" };
  assert.equal(standingWords(paused, live).title, "Paused");
  assert.equal(standingWords(paused, live).hint, "Nothing is scored until the coach goes on.");
  assert.equal(standingWords(paused, live, true).hint, "Nothing is scored until you resume.");
  assert.equal(standingWords({ ...run, state: "starting" }, live).title, "Starting…");
  assert.equal(standingWords(run, live).title, "Step into the picture");
  assert.equal(runWords(null), "Not started");
});

test("what is known of a demonstration is told as it becomes known", () => {
  assert.match(demonstrationWords("off", null), /clip/);
  assert.match(demonstrationWords("connecting", null), /Connecting/);
  assert.match(demonstrationWords("on", null), /rhythm/);
  assert.equal(demonstrationWords("on", { kind: "repetitions", cycle_s: 3.21 }), "One repetition in 3.2 s");
  assert.equal(demonstrationWords("on", { kind: "hold", cycle_s: null }), "You hold a posture");
  assert.equal(demonstrationWords("on", { kind: "routine", cycle_s: null }), "A movement without repetitions");
});

test("the timeline shows the marks of its own session alone", () => {
  const marks = [
    { id: "a", session_id: "s0", t_s: 1 },
    { id: "b", session_id: "s1", t_s: 2.5 },
    { id: "c", session_id: null, t_s: null },
  ];
  assert.deepEqual(momentsOf(marks, "s1"), [{ t: 2.5 }]);
  assert.deepEqual(momentsOf(marks, null), []);
});
