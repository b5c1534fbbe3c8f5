import assert from "node:assert/strict";
import { test } from "node:test";

import { correctedOf, cueCounts, cuesByRepetition, doneOf, inCallWords, repetitionsOf, sourceWords, targetOf } from "../static/session-record.js";
import { speak } from "./languages.mjs";

speak("en");

const summary = { repetitions: 8, held_s: 59.96, scored_s: 120.4 };

test("a target is told in what is counted, and whether it was reached", () => {
  assert.deepEqual(targetOf({ kind: "repetitions", target: 10, summary }), { words: "8 of 10 repetitions", reached: false });
  assert.equal(targetOf({ kind: "repetitions", target: 8, summary }).reached, true);
  assert.equal(targetOf({ kind: "hold", target: 60, summary }).reached, false);
  assert.equal(targetOf({ kind: "hold", target: 60, summary: { ...summary, held_s: 59.9999999 } }).reached, true);
  assert.equal(targetOf({ kind: "routine", target: 120, summary }).reached, true);
});

test("without a target, or a summary, there is none to tell", () => {
  assert.equal(targetOf({ kind: "repetitions", target: null, summary }), null);
  assert.equal(targetOf({ kind: "repetitions", target: 10, summary: null }), null);
});

test("a session of before repetitions were counted has done none", () => {
  assert.equal(targetOf({ kind: "repetitions", target: 10, summary: { scored_s: 3 } }).words, "0 of 10 repetitions");
});

test("a count that a coach corrected is the one that counts", () => {
  const session = { kind: "repetitions", target: 10, summary, corrected_repetitions: 10 };
  assert.equal(repetitionsOf(session), 10);
  assert.deepEqual(targetOf(session), { words: "10 of 10 repetitions", reached: true });
  assert.equal(repetitionsOf({ ...session, corrected_repetitions: 0 }), 0);
  assert.equal(repetitionsOf({ ...session, corrected_repetitions: null }), 8);
});

test("that a count was corrected is said, and only of what is counted", () => {
  const session = { kind: "repetitions", target: null, summary, corrected_repetitions: 10 };
  assert.equal(doneOf(session), "10 repetitions (corrected)");
  assert.equal(doneOf({ ...session, target: 12 }), "10 of 12 repetitions (corrected)");
  assert.equal(doneOf({ ...session, corrected_repetitions: null }), null);
  assert.equal(correctedOf({ ...session, kind: "hold" }), null);
});

test("a session that was part of a call says so", () => {
  assert.equal(inCallWords({ in_call: true }), "in a call");
  assert.equal(inCallWords({ in_call: false }), null);
});

test("a cue belongs to the repetition after whose beginning it was told", () => {
  const reps = [
    { number: 1, start_s: 2, end_s: 4 },
    { number: 2, start_s: 4, end_s: 6 },
  ];
  const cue = (t_s) => ({ t_s, cue: "lower", part: null, praise: false });
  const told = cuesByRepetition(reps, [1, 4, 6, 9].map(cue));
  assert.deepEqual(told.reps.map(({ cues }) => cues.map(({ t_s: t }) => t)), [[4], [6, 9]]);
  assert.deepEqual(told.others, [cue(1)]);
});

test("the cue that was told most often comes first", () => {
  const lower = { cue: "lower", part: null, praise: false };
  const knee = { cue: "check", part: "left_knee", praise: false };
  assert.deepEqual(cueCounts([lower, knee, knee]), [["Check your left knee", 2], ["Lower", 1]]);
});

test("where a session comes from is told as far as it is known", () => {
  assert.equal(sourceWords("import"), "imported");
  assert.equal(sourceWords("telepathy"), null);
});
