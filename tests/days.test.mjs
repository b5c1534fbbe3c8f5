import assert from "node:assert/strict";
import { test } from "node:test";

import { dayWords, shortDay, utcOffsetMin, weekdayName, weekdaysWords } from "../static/days.js";
import { speak } from "./languages.mjs";

test("a day of a plan is the same one wherever it is read", (context) => {
  const before = process.env.TZ;
  context.after(() => (before === undefined ? delete process.env.TZ : (process.env.TZ = before)));
  for (const zone of ["Pacific/Honolulu", "Pacific/Kiritimati"]) {
    process.env.TZ = zone;
    speak("en");
    assert.equal(dayWords("2026-11-23"), "23 Nov 2026", zone);
  }
});

test("the first day of the week is Monday", () => {
  speak("de");
  assert.equal(weekdayName(1, "long"), "Montag");
  assert.equal(weekdayName(7, "short"), "So");
});

test("some days are listed, and all of them are every day", () => {
  speak("en");
  assert.equal(weekdaysWords([1, 3, 5]), "Mon, Wed and Fri");
  assert.equal(weekdaysWords([1, 2, 3, 4, 5, 6, 7]), "every day");
});

test("a day names its year when that is another one", () => {
  speak("en");
  const now = new Date(2026, 5, 1);
  assert.equal(shortDay(new Date(2026, 2, 3), now), "3 Mar");
  assert.equal(shortDay(new Date(2025, 2, 3), now), "3 Mar 2025");
});

test("the offset is how far the clock is ahead of UTC", () => {
  assert.equal(utcOffsetMin({ getTimezoneOffset: () => -60 }), 60);
});
