import assert from "node:assert/strict";
import { test } from "node:test";

import { makeAnnouncements } from "../static/announcements.js";

const EVERY_MS = 5_000;

test("the first words are told at once, the next not before it is time", () => {
  const announcements = makeAnnouncements(EVERY_MS);
  announcements.offer("state", "Step back.");
  assert.equal(announcements.take(0), "Step back.");
  announcements.offer("state", "80, In sync");
  assert.equal(announcements.take(EVERY_MS - 1), null);
  assert.equal(announcements.take(EVERY_MS), "80, In sync");
});

test("what has not changed is not told again", () => {
  const announcements = makeAnnouncements(EVERY_MS);
  announcements.offer("state", "Step back.");
  announcements.take(0);
  announcements.offer("state", "Step back.");
  assert.equal(announcements.take(2 * EVERY_MS), null);
});

test("words that come and go before it is time are not told", () => {
  const announcements = makeAnnouncements(EVERY_MS);
  announcements.offer("state", "Step back.");
  announcements.take(0);
  announcements.offer("state", "Start moving.");
  announcements.offer("state", "Step back.");
  announcements.offer("cue", "Lower.");
  announcements.offer("cue", null);
  assert.equal(announcements.take(EVERY_MS), null);
});

test("of each kind the newest is told, all in one go", () => {
  const announcements = makeAnnouncements(EVERY_MS);
  announcements.offer("rep", "1 repetition: full range.");
  announcements.offer("cue", "Lower.");
  announcements.offer("rep", "2 repetitions: full range.");
  assert.equal(announcements.take(0), "Lower. 2 repetitions: full range.");
});

test("a cue that comes once more after a silence is told once more", () => {
  const announcements = makeAnnouncements(EVERY_MS);
  announcements.offer("cue", "Lower.");
  announcements.take(0);
  announcements.offer("cue", null);
  announcements.offer("cue", "Lower.");
  assert.equal(announcements.take(EVERY_MS), "Lower.");
});
