import assert from "node:assert/strict";
import { test } from "node:test";

import { ticketStreams } from "../static/call/streams.js";

const settled = () => new Promise((resolve) => setImmediate(resolve));

/** A camera's track that knows its clones. */
class Track {
  clones = [];
  stopped = false;
  clone() {
    return this.clones.at(this.clones.push(new Track()) - 1);
  }
  stop() {
    this.stopped = true;
  }
}

/** Streams whose other end is the test. */
function streams(t, camera = new Track()) {
  const leaving = new AbortController();
  t.after(() => leaving.abort());
  const told = { camera, leaving, streams: [], statuses: [], messages: [] };
  const join = (ticket, handlers, signal) => {
    const stream = { ...ticket, ...handlers, signal, sent: [], clocks: [], left: 0 };
    stream.joined = {
      send: async (track) => stream.sent.push(track),
      tellClock: (...clock) => stream.clocks.push(clock),
      leave: async () => (stream.left += 1),
    };
    told.streams.push(stream);
    return new Promise((resolve, reject) => Object.assign(stream, { joins: () => resolve(stream.joined), fails: reject }));
  };
  told.own = ticketStreams(
    {
      camera,
      onMessage: (id, message) => told.messages.push([id, message.type]),
      onStatus: (purpose, status) => told.statuses.push([purpose, status]),
      join,
    },
    leaving.signal,
  );
  told.on = async (id, purpose = "score") => {
    told.own.take({ id, purpose });
    const stream = told.streams.at(-1);
    stream.joins();
    await settled();
    stream.onStatus("good");
    return stream;
  };
  return told;
}

const names = ({ statuses }) => statuses.map(([, status]) => status);

test("a ticket is answered with a clone of the camera", async (t) => {
  const told = streams(t);
  const stream = await told.on("s1");
  assert.deepEqual(stream.sent, [told.camera.clones[0]]);
  assert.deepEqual(told.statuses, [["score", "connecting"], ["score", "on"]]);
});

test("the same ticket again changes nothing", async (t) => {
  const told = streams(t);
  await told.on("s1");
  told.own.take({ id: "s1", purpose: "score" });
  assert.equal(told.streams.length, 1);
});

test("a newer ticket replaces the stream", async (t) => {
  const told = streams(t);
  const first = await told.on("s1");
  await told.on("s2");
  assert.equal(first.left, 1);
  assert.ok(first.signal.aborted && first.sent[0].stopped);
  assert.ok(!told.streams[1].signal.aborted);
  assert.equal(told.statuses.at(-1)[1], "on");
});

test("a stream that its successor has replaced tells no status any more", async (t) => {
  const told = streams(t);
  told.own.take({ id: "s1", purpose: "score" });
  await told.on("s2");
  told.streams[0].fails(new Error("aborted"));
  await settled();
  assert.deepEqual(names(told), ["connecting", "connecting", "on"]);
});

test("a session that ended is told, and its stream is closed", async (t) => {
  const told = streams(t);
  const stream = await told.on("s1");
  stream.onMessage({ type: "ended" });
  await settled();
  assert.deepEqual(told.messages, [["s1", "ended"]]);
  assert.equal(told.statuses.at(-1)[1], "off");
  assert.ok(stream.signal.aborted && stream.sent[0].stopped);
});

test("a stream that was lost is given back to the server, for another ticket", async (t) => {
  const told = streams(t);
  const stream = await told.on("s1");
  stream.onStatus("lost");
  await settled();
  assert.equal(told.statuses.at(-1)[1], "lost");
  assert.equal(stream.left, 1);
  await told.on("s2");
  assert.equal(told.statuses.at(-1)[1], "on");
});

test("a stream that could not be made is lost", async (t) => {
  const told = streams(t);
  told.own.take({ id: "s1", purpose: "reference" });
  told.streams[0].fails(new Error("blocked"));
  await settled();
  assert.deepEqual(told.statuses, [["reference", "connecting"], ["reference", "lost"]]);
});

test("another camera is sent on the same stream", async (t) => {
  const told = streams(t);
  const stream = await told.on("s1");
  const other = new Track();
  told.own.change(other);
  await settled();
  assert.equal(stream.sent[1], other.clones[0]);
  assert.ok(stream.sent[0].stopped);
});

test("a camera that is off is off for the server, too", async (t) => {
  const told = streams(t);
  const stream = await told.on("s1");
  told.own.change(null);
  await settled();
  assert.equal(stream.sent[1], null);
  assert.ok(stream.sent[0].stopped);
});

test("a camera that comes while the stream is being made is the one that is sent", async (t) => {
  const told = streams(t, null);
  told.own.take({ id: "s1", purpose: "score" });
  const camera = new Track();
  told.own.change(camera);
  told.streams[0].joins();
  await settled();
  assert.deepEqual(told.streams[0].sent, [camera.clones[0]]);
});

test("the clock of the reference goes to the stream that runs", async (t) => {
  const told = streams(t);
  told.own.tellClock(1, 1); // to nobody
  const stream = await told.on("s1");
  told.own.tellClock(2.4, 1);
  assert.deepEqual(stream.clocks, [[2.4, 1]]);
});

test("nothing is left when the page goes", async (t) => {
  const told = streams(t);
  const stream = await told.on("s1");
  told.leaving.abort();
  assert.ok(stream.signal.aborted && stream.sent[0].stopped);
  assert.equal(told.statuses.at(-1)[1], "on");
});
