import assert from "node:assert/strict";
import { test } from "node:test";

import { applyMessage, initialLive, timelineData } from "../static/live-state.js";

const COMPONENTS = { movement: 0.9, timing: 0.8, range: 0.7 };

function score(seq, value, state = value === null ? "still" : "scoring") {
  return {
    type: "score",
    seq,
    t_s: seq * 0.32,
    state,
    score: value,
    components: value === null ? null : COMPONENTS,
    reference_s: null,
    tempo: null,
    lag_s: null,
    mirrored: false,
    repetitions: 0,
    held_s: null,
    age_s: 0.4,
  };
}

const pose = (seq) => ({ type: "pose", seq, t_s: seq / 8, points: [], parts: [] });
const rep = (number, valid = true) => ({ type: "rep", number, valid, score: valid ? 80 : null });

const after = (...messages) => messages.reduce(applyMessage, initialLive);
const scores = (live) => live.points.map((point) => point.score);

test("the newest score is shown", () => {
  const live = after(score(0, 80), score(1, 60));
  assert.equal(live.score, 60);
  assert.deepEqual(live.components, COMPONENTS);
});

test("a score that comes late changes the timeline alone", () => {
  const live = after(score(0, 80), score(2, 60), score(1, 70));
  assert.equal(live.score, 60);
  assert.deepEqual(scores(live), [80, 70, 60]);
});

test("a change of state takes the number away", () => {
  const live = after(score(0, 80), { type: "state", t_s: 1, state: "no_person" });
  assert.equal(live.state, "no_person");
  assert.equal(live.score, null);
  assert.equal(live.components, null);
});

test("a change of state older than the newest score is past", () => {
  const live = after(score(9, 80), { type: "state", t_s: 1, state: "no_person" });
  assert.equal(live.state, "scoring");
  assert.equal(live.score, 80);
});

test("a score older than a change of state does not bring the number back", () => {
  const live = after({ type: "state", t_s: 5, state: "lost" }, score(0, 80));
  assert.equal(live.state, "lost");
  assert.equal(live.score, null);
});

test("only the last minute of the timeline is kept", () => {
  const live = after(...Array.from({ length: 400 }, (_, seq) => score(seq, 50)));
  const [first, last] = [live.points.at(0).t, live.points.at(-1).t];
  assert.ok(last - first >= 60 && last - first <= 70, `${last - first}`);
});

test("the server's last word is kept, and the rest of the messages change nothing", () => {
  const summary = null;
  const live = after({ type: "ended", reason: "expired", summary });
  assert.deepEqual(live.ended, { reason: "expired", summary });
  assert.equal(applyMessage(live, { type: "pong", id: 1 }), live);
});

test("a state is not changed by the message that came before it was known", () => {
  assert.equal(initialLive.points.length, 0);
  after(score(0, 80));
  assert.equal(initialLive.points.length, 0);
});

test("the timeline has a hole where there is no number", () => {
  const live = after(score(0, 80), score(1, null), score(2, 60));
  assert.deepEqual(timelineData(live.points)[1], [80, null, 60]);
});

test("the timeline has a hole where nothing came", () => {
  const [times, values] = timelineData([
    { t: 1, score: 80 },
    { t: 4, score: 60 },
  ]);
  assert.deepEqual(times, [1, 2.5, 4]);
  assert.deepEqual(values, [80, null, 60]);
});

test("a gap is a hole, also when it begins where a score was", () => {
  const live = after(score(0, 80), { type: "gap", start_s: 0.1, end_s: 0.3, reason: "clock" }, score(1, 60));
  assert.equal(live.gaps, 1);
  assert.equal(live.gap, null);
  assert.deepEqual(timelineData(live.points)[1], [80, null, 60]);
});

test("the times of the timeline rise, as the chart needs", () => {
  const [times] = timelineData([
    { t: 1, score: 80 },
    { t: 1, score: null },
    { t: 1.3, score: 60 },
  ]);
  assert.deepEqual(times, [1, 1.3]);
});

test("an empty timeline is empty", () => {
  assert.deepEqual(timelineData([]), [[], []]);
});

test("why there was a gap is known until there is a number again", () => {
  const gap = { type: "gap", start_s: 0.1, end_s: 3.3, reason: "restart" };
  const waiting = { ...score(1, null), t_s: 3.6, state: "warming_up" };
  assert.equal(after(score(0, 80), gap, waiting).gap, "restart");
  assert.equal(after(score(0, 80), gap, waiting, { ...score(2, 70), t_s: 6 }).gap, null);
});

test("the newest pose is kept, also when an older one comes late", () => {
  assert.equal(after(pose(0), pose(2), pose(1)).pose.seq, 2);
  assert.equal(initialLive.pose, null);
});

test("poses and scores are counted each for themselves", () => {
  const live = after(score(9, 80), pose(0), score(10, 70));
  assert.equal(live.pose.seq, 0);
  assert.equal(live.score, 70);
});

test("repetitions are kept in order, and only those that count are counted", () => {
  const live = after(rep(1), rep(2, false), rep(3));
  assert.deepEqual(live.reps.map(({ number, count }) => [number, count]), [[1, 1], [2, null], [3, 2]]);
  assert.deepEqual([live.repetitions, live.attempts], [2, 1]);
});

const welcome = (repetitions, attempts) => ({ type: "welcome", repetitions, attempts });

test("a restarted server tells all repetitions again, and each is shown once", () => {
  const live = after(rep(1), rep(2, false), { type: "draining" }, rep(1), rep(2, false), welcome(1, 1), rep(3));
  assert.deepEqual(live.reps.map(({ number }) => number), [1, 2, 3]);
  assert.deepEqual([live.repetitions, live.attempts, live.draining], [2, 1, false]);
});

test("what a killed server had told and could not keep makes room for the next", () => {
  const other = { ...rep(3), score: 55 };
  const live = after(rep(1), rep(2, false), rep(3), rep(1), rep(2, false), welcome(1, 1), other);
  assert.deepEqual(live.reps.map(({ number, score }) => [number, score]), [[1, 80], [2, null], [3, 55]]);
  assert.deepEqual([live.repetitions, live.attempts], [2, 1]);
});

test("that nobody trains is told until somebody does", () => {
  const idle = { type: "idle", left_s: 60 };
  assert.equal(after(score(0, null), idle, score(1, null)).idle, true);
  assert.equal(after(idle, score(1, 80)).idle, false);
  assert.equal(after(idle, rep(1)).idle, false);
  assert.equal(after(idle, welcome(0, 0)).idle, false);
});

test("a session that is taken back goes on", () => {
  const ended = { type: "ended", reason: "taken_over", summary: null };
  assert.equal(after(ended, welcome(0, 0)).ended, null);
});

test("who comes back and has missed a repetition knows the count", () => {
  assert.equal(after(rep(1), welcome(4, 0)).repetitions, 4);
});

test("the count of a score may come before its repetition, or after it", () => {
  assert.equal(after({ ...score(0, 80), repetitions: 1 }).repetitions, 1);
  assert.equal(after({ ...score(0, 80), repetitions: 1 }, rep(1)).repetitions, 1);
  assert.equal(after(rep(1), score(0, 80)).repetitions, 1);
});

test("a cue that was missed is not given when the page is back", () => {
  const welcome = (epoch) => ({ type: "welcome", epoch, repetitions: 0, attempts: 0 });
  const cue = (epoch, name) => ({ type: "cue", epoch, seq: epoch, t_s: epoch, cue: name, part: null, praise: false });
  const before = [welcome(0), cue(0, "lower")];
  assert.equal(after(...before, cue(1, "higher"), cue(1, "further")).cue.cue, "lower");
  assert.equal(after(...before, cue(1, "higher"), welcome(1), cue(1, "slow_down")).cue.cue, "slow_down");
});

test("the newest cue is the current one", () => {
  const cue = (seq, name) => ({ type: "cue", seq, t_s: seq, cue: name, part: null, praise: false });
  const live = after(cue(3, "lower"), cue(4, "slow_down"));
  assert.equal(live.cue.cue, "slow_down");
  assert.equal(initialLive.cue, null);
});

test("lag, side and held time are those of the newest score", () => {
  const held = { ...score(4, 80), lag_s: -0.3, mirrored: true, held_s: 12.4 };
  const live = after(held, score(3, 70));
  assert.deepEqual([live.lagS, live.mirrored, live.heldS], [-0.3, true, 12.4]);
});

test("a server that is about to stop is told of, and the session goes on", () => {
  const live = after(score(0, 80), { type: "draining", seq: 3, left_s: 20 }, score(1, 60));
  assert.equal(live.draining, true);
  assert.equal(live.score, 60);
  assert.equal(live.ended, null);
});
