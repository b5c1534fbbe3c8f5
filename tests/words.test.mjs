import assert from "node:assert/strict";
import { test } from "node:test";

import { cameraSentence } from "../static/camera.js";
import { CUES, PARTS, STATES } from "../static/messages.js";
import * as words from "../static/words.js";
import { speak } from "./languages.mjs";

speak("en");

const table = (name, rows, call) =>
  test(name, () => rows.forEach(([input, expected]) => assert.equal(call(input), expected, `${input}`)));

table("a clock shows minutes, and hours when there are some", [
  [0, "0:00"],
  [7.9, "0:07"],
  [750, "12:30"],
  [3723, "1:02:03"],
  [-0.2, "0:00"],
], words.clock);

table("a clip's length is as exact as it is useful", [
  [8.44, "8.4 s"],
  [45.2, "45 s"],
  [125, "2:05"],
], words.duration);

table("a share is 100% only when it is done", [
  [0, "0%"],
  [0.437, "43%"],
  [0.999, "99%"],
  [1, "100%"],
  [1.2, "100%"],
], words.percent);

table("a file's size has a fitting unit", [
  [512, "512 B"],
  [580_000, "580 kB"],
  [4_200_000, "4.2 MB"],
  [2_000_000_000, "2.0 GB"],
], words.fileSize);

table("a score has a word", [
  [0, "Off"],
  [49.9, "Off"],
  [50, "Close"],
  [74.9, "Close"],
  [75, "In sync"],
  [100, "In sync"],
], words.scoreWord);

table("a score has a level, and none when there is no score", [
  [30, "poor"],
  [60, "fair"],
  [90, "good"],
  [null, "none"],
  [undefined, "none"],
], words.scoreLevel);

table("tempo is told when it is off", [
  [null, null],
  [0.7, "30% slower"],
  [0.95, "on tempo"],
  [1.1, "on tempo"],
  [1.25, "25% faster"],
], words.tempoWords);

table("a reference is named after its file", [
  ["push_up-side.mp4", "Push up side"],
  ["IMG 0042.MOV", "IMG 0042"],
  [".mp4", "My reference"],
  ["___.webm", "My reference"],
  [`${"x".repeat(200)}.mp4`, `X${"x".repeat(79)}`],
], words.nameFromFile);

test("every state has words of its own", () => {
  const titles = STATES.map((state) => words.stateWords(state).title);
  assert.equal(new Set(titles).size, STATES.length);
  assert.equal(words.stateWords("no_person").title, "Step into the picture");
});

test("a state that is not known yet still has words", () => {
  assert.equal(words.stateWords("asleep").title, "Waiting…");
});

test("every reason for an end is a sentence of its own", () => {
  const reasons = "left deleted lost expired shutdown failed never_joined reference_deleted call_ended coach_stopped".split(" ");
  const sentences = reasons.map(words.endWords);
  assert.equal(new Set(sentences).size, reasons.length);
  for (const sentence of sentences) assert.match(sentence, /\.$/);
  assert.equal(words.endWords("comet"), "The session has ended.");
});

test("a session ended well when its person ended it, or the coach in a call", () => {
  const reasons = "left deleted call_ended coach_stopped lost expired failed comet".split(" ");
  assert.deepEqual(reasons.filter(words.endedWell), ["left", "deleted", "call_ended", "coach_stopped"]);
});

test("a session without a score tells why", () => {
  const summary = { duration_s: 30, state: "no_person" };
  assert.equal(words.noScoreWords(summary), "The camera did not see anyone.");
  assert.equal(words.noScoreWords({ ...summary, state: "scoring" }), "Not enough movement was seen for a score.");
  assert.match(words.noScoreWords({ ...summary, duration_s: 2 }), /Too short/);
  assert.equal(words.noScoreWords(null), "No picture was scored.");
});

test("a time is told as a person does", () => {
  const now = new Date(2026, 2, 3, 18, 0);
  const at = (...date) => words.when(new Date(...date).toISOString(), now);
  assert.equal(at(2026, 2, 3, 9, 5), "Today, 09:05");
  assert.equal(at(2026, 2, 2, 23, 59), "Yesterday, 23:59");
  assert.equal(at(2026, 2, 4, 0, 1), "Tomorrow, 00:01");
  assert.match(at(2026, 2, 5, 9, 30), /^Thu,? 5 Mar, 09:30$/);
  assert.match(at(2026, 1, 12, 8, 0), /^Thu,? 12 Feb, 08:00$/);
  assert.match(at(2025, 11, 31, 8, 0), /2025/);
});

test("each failure of a camera says what to do", () => {
  const names = ["NotAllowedError", "NotFoundError", "NotReadableError", "OverconstrainedError"];
  const sentences = names.map(cameraSentence);
  assert.equal(new Set(sentences).size, names.length);
  assert.match(cameraSentence("NotAllowedError"), /address bar/);
  assert.match(cameraSentence("SomethingNewError"), /Try again/);
});

test("after a gap the wait says why", () => {
  const { title, hint } = words.waitingWords("warming_up", "restart");
  assert.equal(title, words.stateWords("warming_up").title);
  assert.match(hint, /server had to start its scoring again/);
  assert.match(words.waitingWords("warming_up", "paused").hint, /was paused/);
  for (const [state, gap] of [["still", "restart"], ["warming_up", null], ["warming_up", "new"]]) {
    assert.deepEqual(words.waitingWords(state, gap), words.stateWords(state));
  }
});

table("a lag is told when it can be noticed", [
  [null, null],
  [0, "In step"],
  [-0.2, "In step"],
  [0.42, "0.4 s behind"],
  [-1.25, "1.3 s ahead"],
], words.lagWords);

table("a range is told in quarters", [
  [0.2, "a quarter"],
  [0.5, "half"],
  [0.8, "three quarters"],
  [0.97, "full"],
  [1.3, "further"],
], words.rangeWords);

table("a difference is an estimate, more bent below 0", [
  [{ part: "left_knee", degrees: 20 }, "Left knee about 20° less bent than the reference (an estimate)"],
  [{ part: "trunk", degrees: -10 }, "Trunk about 10° more bent than the reference (an estimate)"],
  [{ part: "right_shoulder", degrees: -30 }, "Right shoulder about 30° less open than the reference (an estimate)"],
], words.differenceWords);

table("attempts are told when there are some", [
  [0, null],
  [1, "1 attempt"],
  [3, "3 attempts"],
], words.attemptsWords);

test("a repetition is read out with its score, an attempt without", () => {
  const rep = { count: 7, score: 84.2, range: 0.97, tempo: 1.02 };
  assert.equal(words.repWords(rep), "7 repetitions: 84, full range, on tempo.");
  assert.equal(words.repWords({ ...rep, count: 1, score: null }), "1 repetition: full range, on tempo.");
  const attempt = { count: null, score: null, range: 0.31, tempo: 0.7 };
  assert.equal(words.repWords(attempt), "Attempt, not counted: a quarter of the range, 30% slower.");
});

test("a held time is a number and what it counts", () => {
  assert.deepEqual(words.heldWords(0), { number: "0", unit: "seconds held" });
  assert.deepEqual(words.heldWords(1.9), { number: "1", unit: "second held" });
  assert.deepEqual(words.heldWords(65.3), { number: "1:05", unit: "held" });
});

test("every cue has words of its own, and praise that differs", () => {
  const cue = (name, praise) => words.cueWords({ cue: name, part: name === "check" ? "left_knee" : null, praise });
  const corrections = CUES.map((name) => cue(name, false));
  assert.equal(new Set(corrections).size, CUES.length);
  for (const name of CUES) assert.notEqual(cue(name, true), cue(name, false));
  assert.equal(cue("check", false), "Check your left knee");
  assert.equal(cue("lower", true), "Good depth");
});

test("every part of the body can be named", () => {
  assert.equal(new Set(PARTS.map(words.partWords)).size, PARTS.length);
  for (const part of PARTS) assert.match(words.partWords(part), /^[a-z ]+$/);
});

test("each language says it in its own way", () => {
  const rep = { count: 1, score: 84.2, range: 0.97, tempo: 0.7 };
  const saturday = new Date(2026, 1, 28, 12, 0);
  const said = Object.fromEntries(
    ["de", "es"].map((code) => {
      speak(code);
      return [
        code,
        [
          words.repWords(rep),
          words.cueWords({ cue: "check", part: "left_knee", praise: false }),
          words.lagWords(1.25),
          words.when(new Date(2026, 1, 27, 9, 5).toISOString(), saturday),
        ],
      ];
    }),
  );
  speak("en");
  assert.deepEqual(said, {
    de: ["1 Wiederholung: 84, voller Umfang, 30\u00a0% langsamer.", "Achte auf dein linkes Knie", "1,3 s zurück", "Gestern, 09:05"],
    es: ["1 repetición: 84, amplitud completa, 30\u00a0% más lento.", "Fíjate en la rodilla izquierda", "1,3 s de retraso", "Ayer, 09:05"],
  });
});
