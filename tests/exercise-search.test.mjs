import assert from "node:assert/strict";
import { test } from "node:test";

import { matching } from "../static/exercise-search.js";
import { speak } from "./languages.mjs";

speak("en");

const exercise = (name, fields = {}) => ({ name, description: "", kind: "repetitions", owner: { name: "anna" }, ...fields });
const ALL = [
  exercise("Überkopf drücken", { description: "With a stick" }),
  exercise("Plank", { kind: "hold", owner: { name: "Carla" } }),
  exercise("Squat from the side"),
];
const found = (text) => matching(ALL, text).map(({ name }) => name);

test("nothing typed finds everything", () => {
  assert.equal(found("  ").length, ALL.length);
});

test("letters are found however they are written", () => {
  assert.deepEqual(found("uberkopf DRUCKEN"), ["Überkopf drücken"]);
});

test("every word has to be there, in any place", () => {
  assert.deepEqual(found("side squat"), ["Squat from the side"]);
  assert.deepEqual(found("squat stick"), []);
});

test("description, kind and owner are searched as well", () => {
  assert.deepEqual(found("stick"), ["Überkopf drücken"]);
  assert.deepEqual(found("hold"), ["Plank"]);
  assert.deepEqual(found("carla"), ["Plank"]);
});
