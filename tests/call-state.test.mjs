import assert from "node:assert/strict";
import { test } from "node:test";

import { applyCallMessage, initialCall, otherSeat, resultsOf } from "../static/call/call-state.js";
import { initialLive } from "../static/live-state.js";

const seat = (name, changes = {}) => ({ name, present: true, camera: false, microphone: false, ready: null, ...changes });
const run = (sessionId) => ({ state: "running", session_id: sessionId, exercise_id: "e1", name: "Squats", live: false, number: 1, corrected: null });
const stateOf = (changes = {}) => ({
  type: "state",
  phase: "admitted",
  title: "Knee",
  coach: seat("Cora"),
  member: seat("Mia", { camera: true }),
  program: [],
  current: null,
  run: null,
  live_reference: "off",
  reference: null,
  marks: [],
  results: [],
  ...changes,
});
const welcome = (role) => ({ type: "welcome", role, name: "Cora" });
const live = (sessionId, message) => ({ type: "live", session_id: sessionId, message });
const rep = (number) => ({ v: 1, type: "rep", seq: number, number, valid: true, score: 80 });
const ticket = (id, purpose = "score") => ({ type: "ticket", purpose, id });

const after = (...messages) => messages.reduce(applyCallMessage, initialCall);

test("the newest state is the whole state", () => {
  const first = stateOf({ title: "Knee" });
  const second = stateOf({ title: "Hip" });
  assert.equal(after(first, second).call, second);
});

test("each sees the other's seat", () => {
  assert.equal(otherSeat(after(welcome("coach"), stateOf())).name, "Mia");
  assert.equal(otherSeat(after(welcome("member"), stateOf())).name, "Cora");
  assert.equal(otherSeat(after(welcome("member"))), null);
});

test("what is seen in a run is kept under its session, also when the run is over", () => {
  const state = after(stateOf({ run: run("s1") }), live("s1", rep(1)), live("s1", rep(2)), stateOf());
  assert.equal(state.liveOf, "s1");
  assert.equal(state.live.repetitions, 2);
});

test("a new session begins with nothing", () => {
  for (const next of [stateOf({ run: run("s2") }), ticket("s2")]) {
    const state = after(live("s1", rep(1)), next);
    assert.equal(state.liveOf, "s2");
    assert.equal(state.live, initialLive);
  }
});

test("the message of a session that is over changes nothing", () => {
  const state = after(live("s1", rep(1)), live("s2", rep(1)), live("s1", rep(2)));
  assert.equal(state.liveOf, "s2");
  assert.equal(state.live.repetitions, 1);
  assert.equal(after(live("s1", rep(1)), ticket("s2"), stateOf({ run: run("s1") })).liveOf, "s2");
});

test("the same state again keeps what is seen", () => {
  assert.equal(after(stateOf({ run: run("s1") }), live("s1", rep(1)), stateOf({ run: run("s1") })).live.repetitions, 1);
});

test("a ticket to be the reference is no run", () => {
  assert.equal(after(live("s1", rep(1)), ticket("r1", "reference")).liveOf, "s1");
});

test("a result has its summary when it ended here, before or after the state tells of it", () => {
  const results = ["s1", "s2"].map((id) => ({ session_id: id, name: "Squats", repetitions: 8, corrected: null, score: 81 }));
  const summary = { score: 81 };
  const ended = { type: "result", session_id: "s2", name: "Squats", summary };
  for (const messages of [[ended, stateOf({ results })], [stateOf({ results }), ended]]) {
    assert.deepEqual(resultsOf(after(...messages)), [
      { ...results[0], summary: null },
      { ...results[1], summary },
    ]);
  }
  assert.deepEqual(resultsOf(initialCall), []);
});

test("the same refusal twice is two refusals", () => {
  const refused = { type: "refused", of: "start", detail: "Choose an exercise first." };
  assert.deepEqual(after(refused).refused, { of: "start", detail: "Choose an exercise first.", at: 1 });
  assert.equal(after(refused, refused).refused.at, 2);
});

test("other messages change nothing", () => {
  const state = after(welcome("coach"), stateOf());
  for (const type of ["pong", "renewed", "peer", "description", "candidate", "bye"]) {
    assert.equal(applyCallMessage(state, { type }), state, type);
  }
});

test("a server that is about to stop is told of until it is back", () => {
  const draining = applyCallMessage(initialCall, { type: "draining", left_s: 20 });
  assert.equal(draining.draining, true);
  assert.equal(applyCallMessage(draining, { type: "welcome", role: "coach" }).draining, false);
});
