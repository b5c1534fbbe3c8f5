import assert from "node:assert/strict";
import { test } from "node:test";

import { eventReader, eventsOf } from "../static/server-sent-events.js";

test("an event has a name and data", () => {
  const read = eventReader();
  assert.deepEqual(read('id: 0\nevent: progress\ndata: {"progress":0.5}\n\n'), [
    { event: "progress", data: '{"progress":0.5}' },
  ]);
});

test("an event may come in pieces, cut anywhere", () => {
  const text = "event: progress\r\ndata: a\r\n\r\nevent: done\ndata: b\n\n";
  for (let at = 0; at <= text.length; at += 1) {
    const read = eventReader();
    const events = [...read(text.slice(0, at)), ...read(text.slice(at))];
    assert.deepEqual(events, [{ event: "progress", data: "a" }, { event: "done", data: "b" }], `cut at ${at}`);
  }
});

test("comments and how long to wait are no events", () => {
  assert.deepEqual(eventReader()("retry: 3000\n\n:\n\n"), []);
});

test("data of several lines is one text, and a name holds for one event", () => {
  const read = eventReader();
  assert.deepEqual(read("event: x\ndata: a\ndata:b\ndata\n\ndata: c\n\n"), [
    { event: "x", data: "a\nb\n" },
    { event: "message", data: "c" },
  ]);
});

test("an event that the connection's end cuts short is none", () => {
  assert.deepEqual(eventReader()("data: a\n"), []);
});

test("what a response brings is told as it comes, signs of life too", async () => {
  const pieces = ["data: Ü", "bung\n\n", ":\n\n", "data: b\n\n"].map((text) => new TextEncoder().encode(text));
  let alive = 0;
  const told = [];
  for await (const { data } of eventsOf(new Response(new Blob(pieces)), () => (alive += 1))) told.push(data);
  assert.deepEqual(told, ["Übung", "b"]);
  assert.ok(alive > 0);
});

test("a connection that breaks is an error", async () => {
  const body = new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode("data: a\n\n"));
      controller.error(new TypeError("network error"));
    },
  });
  await assert.rejects(async () => {
    for await (const event of eventsOf(new Response(body))) void event;
  }, /network error/);
});
