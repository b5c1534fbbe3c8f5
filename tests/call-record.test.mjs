import assert from "node:assert/strict";
import { test } from "node:test";

import { TIME_PATTERN, courseOf, lineOf, secondsOf, spanOf } from "../static/call-record.js";

const at = (minute, second = 0) => new Date(Date.UTC(2026, 10, 26, 14, minute, second)).toISOString();

const session = (id, from, to) => ({ id, created_at: from, started_at: from, ended_at: to });
const mark = (id, fields) => ({ id, session_id: null, t_s: null, note: id, ...fields });

const squat = session("squat", at(10), at(12));
const plank = session("plank", at(20), at(22));
const call = { admitted_at: at(5), ended_at: at(30) };

const names = (entries) =>
  entries.map((entry) => (entry.mark ? entry.mark.id : [entry.session.id, ...entry.marks.map(({ id }) => id)]));

test("marks stand with the exercise they belong to, others where they were made", () => {
  const marks = [
    mark("between", { at: at(15) }),
    mark("knees", { session_id: "squat", t_s: 40, at: at(10, 45) }),
    mark("whole", { session_id: "squat", at: at(29) }),
    mark("depth", { session_id: "squat", t_s: 7, at: at(28) }),
    mark("after", { at: at(45) }),
  ];
  const course = courseOf({ sessions: [squat, plank], marks });
  assert.deepEqual(names(course), [["squat", "whole", "depth", "knees"], "between", ["plank"], "after"]);
});

test("a mark of an exercise that was deleted stands by itself", () => {
  const course = courseOf({ sessions: [plank], marks: [mark("knees", { session_id: "gone", t_s: 3, at: at(10) })] });
  assert.deepEqual(names(course), ["knees", ["plank"]]);
});

test("a call without anything has no course and no span", () => {
  assert.deepEqual(courseOf({ sessions: [], marks: [] }), []);
  assert.equal(spanOf({ call: { admitted_at: null, ended_at: at(30) }, sessions: [] }), null);
});

test("a call lasts from when somebody was first in it until its end", () => {
  const minutes = ({ from, to }) => [from, to].map((time) => time && new Date(time).getUTCMinutes());
  assert.deepEqual(minutes(spanOf({ call, sessions: [squat] })), [5, 30]);
  assert.deepEqual(minutes(spanOf({ call: { ...call, admitted_at: at(25) }, sessions: [squat] })), [10, 30]);
  assert.deepEqual(minutes(spanOf({ call: { ...call, ended_at: null }, sessions: [] })), [5, null]);
});

test("on the line of a call everything stands where it was", () => {
  const marks = [
    mark("in", { session_id: "squat", t_s: 60, at: at(40) }),
    mark("alone", { at: at(17, 30) }),
    mark("after", { at: at(40) }),
  ];
  assert.deepEqual(lineOf({ call, sessions: [squat, plank], marks }), {
    sessions: [
      { id: "squat", from: 0.2, to: 0.28 },
      { id: "plank", from: 0.6, to: 0.68 },
    ],
    marks: [
      { id: "in", at: 0.24 },
      { id: "alone", at: 0.5 },
    ],
  });
});

test("a call that goes on has no line", () => {
  assert.equal(lineOf({ call: { ...call, ended_at: null }, sessions: [squat], marks: [] }), null);
});

test("a time in an exercise is minutes and seconds, or seconds", () => {
  assert.deepEqual(["1:05", "0:07", "75", " ", ""].map(secondsOf), [65, 7, 75, null, null]);
  const taken = new RegExp(`^(?:${TIME_PATTERN})$`, "v");
  assert.deepEqual(["1:05", "75", "1:75", "1.5", "-3", "1:5"].map((text) => taken.test(text)), [true, true, false, false, false, false]);
});
