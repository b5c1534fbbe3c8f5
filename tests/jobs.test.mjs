import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { followJob } from "../static/jobs.js";
import { session } from "../static/sign-in-tokens.js";
import { speak } from "./languages.mjs";

speak("en");

const RUNNING = { id: "j", state: "running", progress: 0.4, stage: "comparing" };
const DONE = { ...RUNNING, state: "done", progress: 1, stage: null, session_id: "s" };

const progress = (share) => `event: progress\ndata: {"progress":${share},"stage":"comparing"}\n\n`;
const json = (body, status = 200) => new Response(JSON.stringify(body), { status });
const stream = (...events) => new Response(events.join(""));

beforeEach(() => {
  const kept = new Map([["posesim.sign-in", JSON.stringify({ access: "token", refresh: null, name: "anna" })]]);
  globalThis.sessionStorage = { getItem: (key) => kept.get(key) ?? null };
});

/** A server that gives one answer after the other; returns what it was asked. */
function serve(t, ...answers) {
  const asked = [];
  t.mock.method(globalThis, "fetch", async (path, { headers, signal }) => {
    assert.equal(headers.Authorization, `Bearer ${session.token}`);
    asked.push(path);
    const answer = answers.shift();
    if (answer === undefined) return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    if (answer instanceof Error) throw answer;
    return answer;
  });
  return asked;
}

const follow = async (signal = new AbortController().signal) => {
  const told = [];
  return [await followJob("j", ({ progress: share }) => told.push(share), signal), told];
};

test("a job is followed by its events to its end", async (t) => {
  const asked = serve(t, stream(progress(0), progress(0.5), `event: done\ndata: ${JSON.stringify(DONE)}\n\n`));
  assert.deepEqual(await follow(), [DONE, [0, 0.5]]);
  assert.deepEqual(asked, ["/v1/jobs/j/events"]);
});

test("where the events break off it is asked for, and followed again", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const asked = serve(t, stream(progress(0.2)), json(RUNNING), stream(progress(0.6)), json(DONE));
  const following = follow();
  while (asked.length < 4) {
    t.mock.timers.tick(2_000);
    await new Promise(setImmediate);
  }
  assert.deepEqual(await following, [DONE, [0.2, 0.4, 0.6]]);
  assert.deepEqual(asked, ["/v1/jobs/j/events", "/v1/jobs/j", "/v1/jobs/j/events", "/v1/jobs/j"]);
});

test("a server that can't be reached for a while is asked again", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const asked = serve(t, new TypeError("fetch"), new TypeError("fetch"), new TypeError("fetch"), json(DONE));
  const following = follow();
  while (asked.length < 4) {
    t.mock.timers.tick(2_000);
    await new Promise(setImmediate);
  }
  assert.deepEqual((await following)[0], DONE);
});

test("events that never come through give way to asking", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const silent = new Promise(() => {});
  const asked = [];
  t.mock.method(globalThis, "fetch", (path, { signal }) => {
    asked.push(path);
    if (path === "/v1/jobs/j") return Promise.resolve(json(DONE));
    return Promise.race([silent, new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)))]);
  });
  const following = follow();
  await new Promise(setImmediate);
  t.mock.timers.tick(40_000);
  assert.deepEqual((await following)[0], DONE);
  assert.deepEqual(asked, ["/v1/jobs/j/events", "/v1/jobs/j"]);
});

test("a job that was removed is nothing any more", async (t) => {
  serve(t, json({ detail: "gone" }, 404), json({ detail: "gone" }, 404));
  assert.equal((await follow())[0], null);
});

test("who leaves asks no more", async (t) => {
  const leaving = new AbortController();
  const asked = serve(t);
  const following = follow(leaving.signal);
  await new Promise(setImmediate);
  leaving.abort(new Error("left"));
  await assert.rejects(following, /left/);
  assert.equal(asked.length, 1);
});
