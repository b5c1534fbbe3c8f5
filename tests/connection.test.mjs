import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";

globalThis.window = new EventTarget();
globalThis.document = Object.assign(new EventTarget(), { hidden: false });
globalThis.sessionStorage = { getItem: () => null, setItem() {}, removeItem() {} };
globalThis.localStorage = globalThis.sessionStorage;
delete globalThis.BroadcastChannel; // between tabs; it would keep this process alive

class FakeChannel extends EventTarget {
  readyState = "connecting";
  sent = [];
  send(text) {
    this.sent.push(JSON.parse(text));
  }
  hear(message) {
    this.dispatchEvent(Object.assign(new Event("message"), { data: JSON.stringify({ v: 1, epoch: 0, ...message }) }));
  }
}

let peers = [];
class FakeConnection extends EventTarget {
  iceGatheringState = "complete";
  connectionState = "new";
  localDescription = { sdp: "offer" };
  channels = {};
  tracks = [];
  constructor() {
    super();
    peers.push(this);
  }
  createDataChannel(label) {
    return (this.channels[label] = new FakeChannel());
  }
  addTransceiver() {
    const sender = { replaceTrack: async (track) => this.tracks.push(track), getParameters: () => ({}), setParameters: async () => {} };
    return { sender };
  }
  async setLocalDescription() {}
  async setRemoteDescription() {
    this.connectionState = "connected";
    this.channels.events.readyState = "open";
    this.channels.events.dispatchEvent(new Event("open"));
  }
  close() {
    this.connectionState = "closed";
  }
  fail() {
    this.connectionState = "failed";
    this.dispatchEvent(new Event("connectionstatechange"));
  }
}
globalThis.RTCPeerConnection = FakeConnection;

let answers; // what the server says to each offer
let offers;
let asked; // what a node says to who asks where the session is
const never = (signal) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
globalThis.fetch = async (address, { method, headers, signal }) => {
  addresses.push(address);
  if (address.endsWith("/node")) return asked(address);
  if (method !== "POST") return new Response(null, { status: 200 });
  offers.push(headers["If-Match"] ?? null);
  const answer = answers.shift();
  if (answer === undefined) throw new TypeError("network");
  if (answer === "silence") return never(signal);
  if (answer !== 201) return new Response(JSON.stringify({ detail: "no" }), { status: answer });
  return new Response("answer", { status: 201, headers: { Location: `/v1/whip/s/${offers.length}` } });
};

const { connect } = await import("../static/connection.js");
let addresses = [];
const offered = { id: "s", whip_url: "/v1/whip/s", token: "t", expires_in: 300 };
let ending;
beforeEach(() => {
  [peers, offers, addresses, ending] = [[], [], [], new AbortController()];
  mock.method(Math, "random", () => 0);
});
afterEach(() => (ending.abort(), mock.timers.reset(), mock.restoreAll()));

async function joined(given, options = {}, ticket = offered) {
  answers = given;
  const [statuses, messages] = [[], []];
  const handlers = { onMessage: (message) => messages.push(message), onStatus: (status) => statuses.push(status), ...options };
  const connection = await connect(ticket, handlers, ending.signal);
  return { connection, statuses, messages };
}

async function until(holds) {
  const deadline = Date.now() + 10_000;
  while (!holds()) {
    assert.ok(Date.now() < deadline, "it did not happen");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const settled = async () => {
  for (let i = 0; i < 20; i += 1) await new Promise((resolve) => setImmediate(resolve));
};

const cue = (seq) => ({ type: "cue", seq, t_s: 1, cue: "lower", part: null, praise: false });

const score = (seq) => ({
  ...{ type: "score", seq, t_s: seq, state: "still", score: null, components: null, reference_s: null, tempo: null },
  ...{ lag_s: null, mirrored: false, repetitions: 0, held_s: null, age_s: 0.1 },
});

test("a lost connection is replaced by another one, which sends the same camera", async () => {
  const { connection, statuses, messages } = await joined([201, 201]);
  await connection.send({ contentHint: "" });
  peers[0].channels.events.hear(cue(4));
  peers[0].fail();
  await until(() => peers.length === 2 && peers[1].tracks.length === 1);
  assert.deepEqual(offers, [null, '"1"']); // in the place of its own
  assert.equal(peers[1].tracks[0], peers[0].tracks[0]);
  const [hello] = peers[1].channels.events.sent;
  assert.deepEqual([hello.type, hello.last_seq, hello.last_score], ["hello", 4, -1]);
  assert.equal(statuses.includes("lost"), false);
  assert.deepEqual(statuses.filter((each, i) => i > 0 && statuses[i - 1] === "reconnecting"), ["good"]);
  peers[1].channels.events.hear(cue(4)); // said again
  peers[1].channels.events.hear(cue(5));
  assert.deepEqual(messages.map(({ seq }) => seq), [4, 5]);
});

test("a score that was lost on the way is asked for over the next connection, and none is told twice", async () => {
  const { messages } = await joined([201, 201]);
  for (const seq of [0, 2]) peers[0].channels.scores.hear(score(seq));
  peers[0].fail();
  await until(() => peers.length === 2 && peers[1].connectionState === "connected");
  assert.equal(peers[1].channels.events.sent[0].last_score, 0);
  peers[1].channels.scores.hear(score(3));
  for (const seq of [1, 2]) peers[1].channels.events.hear(score(seq));
  assert.deepEqual(messages.map(({ seq }) => seq), [0, 2, 3, 1]);
});

test("what an earlier connection still says is dropped", async () => {
  const { messages } = await joined([201, 201]);
  peers[0].fail();
  await until(() => peers.length === 2 && peers[1].connectionState === "connected");
  peers[0].channels.events.hear(cue(9));
  assert.deepEqual(messages, []);
});

test("a dead network and a full server are tried again, at once when the network is back", async () => {
  const { statuses } = await joined([201, undefined, 503, 201]);
  peers[0].fail();
  await until(() => offers.length === 2);
  window.dispatchEvent(new Event("online"));
  await until(() => statuses.at(-1) === "good" && offers.length === 4);
});

/** Let time pass, and what waits for it happen, in steps. */
async function pass(ms, holds = () => false) {
  for (let left = ms; left > 0 && !holds(); left -= 250) {
    mock.timers.tick(250);
    for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
  }
}

test("a server that is away is asked again for three minutes, less and less often, and the session goes on", async () => {
  mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  let now = 0;
  mock.method(performance, "now", () => now);
  const { statuses } = await joined([201]);
  peers[0].fail();
  const at = []; // seconds of each try
  for (; now < 170_000; now += 250) {
    const before = offers.length;
    await pass(250);
    if (offers.length > before) at.push(now / 1000);
  }
  const pauses = at.slice(1).map((time, i) => time - at[i]);
  assert.ok(pauses[0] <= 1 && pauses.every((each) => each <= 3.75), `${pauses}`);
  assert.ok(pauses.at(-1) > pauses[0]);
  assert.ok(at.at(-1) > 165, `${at.at(-1)}`);
  assert.deepEqual(statuses.slice(statuses.indexOf("reconnecting")), ["reconnecting"]);
  answers = [201];
  await pass(4_000, () => statuses.at(-1) === "good");
  assert.equal(statuses.at(-1), "good");
});

test("a server that stays away is given up in the end", async () => {
  mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  let now = 0;
  mock.method(performance, "now", () => now);
  const { statuses } = await joined([201]);
  peers[0].fail();
  for (; now < 190_000 && statuses.at(-1) !== "lost"; now += 250) await pass(250);
  assert.equal(statuses.at(-1), "lost");
  assert.ok(now > 175_000, `${now}`);
});

test("a session that has ended meanwhile is lost", async () => {
  const { statuses } = await joined([201, 404]);
  peers[0].fail();
  await until(() => statuses.at(-1) === "lost");
  assert.equal(offers.length, 2);
});

test("who was away while another window took over is told, and takes the session back only if asked to", async () => {
  const { connection, statuses, messages } = await joined([201, 412, 201]);
  const track = { contentHint: "" };
  await connection.send(track);
  peers[0].channels.events.hear(cue(4));
  peers[0].fail();
  await until(() => messages.at(-1).type === "ended");
  assert.equal(messages.at(-1).reason, "taken_over");
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.deepEqual(offers, [null, '"1"']);
  assert.equal(statuses.includes("lost"), false);

  await connection.takeBack();
  assert.deepEqual(offers, [null, '"1"', "*"]);
  const opened = peers.at(-1);
  assert.equal(opened.channels.events.sent[0].last_seq, 4);
  assert.equal(opened.tracks[0], track);
  assert.equal(statuses.at(-1), "good");
});

test("who was told of a takeover takes the session back in the same way", async () => {
  const { connection, statuses } = await joined([201, 201]);
  peers[0].channels.events.hear({ type: "ended", seq: 0, reason: "taken_over", summary: null });
  peers[0].fail();
  await connection.takeBack();
  assert.deepEqual(offers, [null, "*"]);
  assert.equal(statuses.at(-1), "good");
});

test("a stream that does not resume is lost with its first connection", async () => {
  const { statuses } = await joined([201, 201], { resumes: false });
  peers[0].fail();
  assert.equal(statuses.at(-1), "lost");
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(offers.length, 1);
});

test("whose place was taken over does not come back", async () => {
  const { statuses, messages } = await joined([201, 201]);
  peers[0].channels.events.hear({ type: "ended", seq: 0, reason: "taken_over", summary: null });
  peers[0].fail();
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(messages.at(-1).reason, "taken_over");
  assert.equal(offers.length, 1);
  assert.equal(statuses.includes("reconnecting"), false);
});

const [first, second] = ["https://node1.example", "https://node2.example"];
const onNodes = { ...offered, whip_url: `${first}/v1/whip/s`, nodes: [second] };
const place = (origin) => new Response(JSON.stringify({ whip_url: `${origin}/v1/whip/s` }));

test("a session whose node is gone goes on at once on the node that any other one names", async () => {
  document.baseURI = `${first}/`;
  asked = (address) => {
    if (!address.startsWith(second)) throw new TypeError("network"); // the page came from the node that is gone
    return place(second);
  };
  const { statuses } = await joined([201, undefined, 201], {}, onNodes);
  peers[0].fail();
  await until(() => statuses.at(-1) === "good" && offers.length === 3);
  const whip = addresses.filter((each) => each.endsWith("/whip/s"));
  assert.deepEqual(whip, [first, first, second].map((origin) => `${origin}/v1/whip/s`));
  ending.abort();
});

test("a node that is cut off is not waited for when others know where its session is now", async () => {
  document.baseURI = `${second}/`;
  asked = () => place(second);
  mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  const { statuses } = await joined([201, "silence", 201], {}, onNodes);
  peers[0].fail();
  await settled();
  mock.timers.tick(499);
  await settled();
  assert.equal(offers.length, 2);
  mock.timers.tick(1);
  await settled();
  assert.equal(statuses.at(-1), "good");
  assert.deepEqual(addresses.filter((each) => each.endsWith("/whip/s")).at(-1), `${second}/v1/whip/s`);
});

test("a node that takes its time is not left while the others say that it has the session", async () => {
  document.baseURI = `${second}/`;
  const asking = [];
  asked = (address) => (asking.push(address), place(first));
  mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  await joined([201, "silence", 201], {}, onNodes);
  peers[0].fail();
  await settled();
  mock.timers.tick(500);
  await settled();
  assert.ok(asking.length > 0);
  assert.equal(offers.length, 2);
});

test("while the nodes say that a session is where it was, its node is asked again, also after a refusal", async () => {
  document.baseURI = `${second}/`;
  const answered = [first, first, second];
  asked = () => place(answered.shift() ?? second);
  const { statuses } = await joined([201, 503, 404, 201], {}, { ...onNodes, nodes: [second] });
  peers[0].fail();
  await until(() => offers.length === 4 && statuses.at(-1) === "good");
  assert.equal(addresses.findLast((each) => each.endsWith("/whip/s")), `${second}/v1/whip/s`);
});

test("what is hung up is the connection of the node that has it", async () => {
  document.baseURI = `${second}/`;
  const { connection } = await joined([201], {}, onNodes);
  await connection.leave();
  assert.equal(addresses.at(-1), `${first}/v1/whip/s/1`);
});
