import assert from "node:assert/strict";
import { test } from "node:test";

process.env.TZ = "Pacific/Auckland"; // where a day begins before nearly all others

const { localDay } = await import("../static/plan.js");
const { utcOffsetMin } = await import("../static/days.js");

const EVENING_IN_GREENWICH = new Date("2026-11-25T20:00:00Z");

test("the day is the one of the person's calendar", () => {
  assert.equal(localDay(EVENING_IN_GREENWICH), "2026-11-26");
});

test("a clock ahead of UTC has an offset above zero, and summer time counts", () => {
  assert.equal(utcOffsetMin(EVENING_IN_GREENWICH), 13 * 60);
  assert.equal(utcOffsetMin(new Date("2026-06-25T20:00:00Z")), 12 * 60);
});
