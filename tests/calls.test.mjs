import assert from "node:assert/strict";
import { test } from "node:test";

import { canEnter, localTime, nextCall, otherName, sorted, stageOf, stageWords, timestampOf } from "../static/calls.js";
import { speak } from "./languages.mjs";

speak("en");

const NOW = new Date(2026, 10, 26, 12, 0);
const at = (...date) => new Date(...date).toISOString();

const call = (fields) => ({
  id: "1",
  title: "Knee",
  role: "coach",
  coach_name: "carla",
  member_name: "mia",
  starts_at: null,
  created_at: at(2026, 10, 26, 9, 0),
  expires_at: at(2026, 10, 27, 9, 0),
  accepted_at: at(2026, 10, 26, 10, 0),
  admitted_at: null,
  ended_at: null,
  state: "accepted",
  ...fields,
});

const ids = (calls) => calls.map(({ id }) => id);

test("a call is told with the other one of its two people", () => {
  assert.equal(otherName(call({})), "mia");
  assert.equal(otherName(call({ role: "member" })), "carla");
  assert.equal(otherName(call({ member_name: null })), null);
});

test("a call goes on from when somebody is let in until its end", () => {
  const admitted = at(2026, 10, 26, 11, 0);
  assert.equal(stageOf(call({})), "accepted");
  assert.equal(stageOf(call({ admitted_at: admitted })), "running");
  assert.equal(stageOf(call({ admitted_at: admitted, state: "ended" })), "ended");
});

test("a link that nobody used says until when it is good", () => {
  assert.equal(stageWords(call({ state: "open" })), "Link good until 27 Nov 2026, 09:00");
  assert.equal(stageWords(call({ state: "expired", expires_at: at(2026, 10, 25, 9) })), "Link expired on 25 Nov 2026, 09:00");
});

test("both go into a call that was accepted, before that its coach alone, after its end nobody", () => {
  const may = (fields) => ["coach", "member"].filter((role) => canEnter(call({ role, ...fields })));
  assert.deepEqual(may({}), ["coach", "member"]);
  assert.deepEqual(may({ state: "open" }), ["coach"]);
  assert.deepEqual(may({ state: "expired" }), []);
  assert.deepEqual(may({ state: "ended" }), []);
});

test("calls to come are in the order in which they begin, those without a time behind them", () => {
  const calls = [
    call({ id: "untimed" }),
    call({ id: "later", starts_at: at(2026, 10, 28, 9, 0) }),
    call({ id: "soon", starts_at: at(2026, 10, 26, 13, 0), state: "open" }),
    call({ id: "over", state: "ended" }),
    call({ id: "unused", state: "expired" }),
  ];
  const { upcoming, past } = sorted(calls, NOW);
  assert.deepEqual(ids(upcoming), ["soon", "later", "untimed"]);
  assert.deepEqual(ids(past), ["over", "unused"]);
});

test("a call that nobody ended is past a day after it should have begun", () => {
  const begun = (...date) => ids(sorted([call({ starts_at: at(...date) })], NOW).upcoming);
  assert.deepEqual(begun(2026, 10, 25, 12, 30), ["1"]);
  assert.deepEqual(begun(2026, 10, 25, 11, 30), []);
  assert.deepEqual(ids(sorted([call({ accepted_at: at(2026, 10, 20, 9) })], NOW).past), ["1"]);
});

test("the next call is the first that was accepted", () => {
  const open = call({ id: "open", state: "open", starts_at: at(2026, 10, 26, 13, 0) });
  const later = call({ id: "later", starts_at: at(2026, 10, 27, 13, 0) });
  assert.equal(nextCall([open, later], NOW).id, "later");
  assert.equal(nextCall([open, call({ state: "ended" })], NOW), null);
  assert.equal(nextCall([], NOW), null);
});

test("a time is given on this computer's clock and comes back from there", () => {
  const timestamp = at(2026, 2, 9, 7, 5);
  assert.equal(localTime(timestamp), "2026-03-09T07:05");
  assert.equal(timestampOf(localTime(timestamp)), timestamp);
  assert.equal(localTime(null), "");
  assert.equal(timestampOf(""), null);
});
