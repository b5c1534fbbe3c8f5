import assert from "node:assert/strict";
import { test } from "node:test";

import { backoffMs, openCallSocket, socketAddress } from "../static/call/call-socket.js";
import { FakeSocket, WELCOME, settled } from "./fake_sockets.mjs";
import { messagesOf, speak } from "./languages.mjs";

speak("en");
globalThis.window = { location: { href: "https://clinic.example/#/call/c1" } };

/** A line with everything it tells; `askToken` may be replaced. */
async function line(t, { epoch = null, askToken = null } = {}) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const ending = new AbortController();
  t.after(() => ending.abort());
  const told = { sockets: [], messages: [], lines: [], over: null, tokens: 0, epoch, ending };
  const standard = async () => ({ token: `token${(told.tokens += 1)}`, expires_in: 300, socket_url: "/v1/calls/c1/socket" });
  told.send = openCallSocket(
    {
      askToken: askToken ?? standard,
      epoch: () => told.epoch,
      onMessage: (message) => told.messages.push(message.type),
      onLine: (status, error) => told.lines.push([status, error]),
      onOver: (reason, error) => (told.over = [reason, error]),
      connectTo: (address) => told.sockets.at(told.sockets.push(new FakeSocket(address)) - 1),
      random: () => 0,
    },
    ending.signal,
  ).send;
  told.newest = () => told.sockets.at(-1);
  told.after = async (ms) => {
    t.mock.timers.tick(ms);
    await settled();
  };
  await settled();
  return told;
}

async function welcomed(t, options) {
  const told = await line(t, options);
  told.newest().opens();
  told.newest().says("welcome", WELCOME);
  return told;
}

const types = (socket) => socket.sent.map(({ type }) => type);

test("the socket is encrypted where the page is", () => {
  assert.equal(socketAddress("/v1/calls/c1/socket"), "wss://clinic.example/v1/calls/c1/socket");
  assert.equal(socketAddress("/v1/calls/c1/socket", "http://localhost:8080/#/call/c1"), "ws://localhost:8080/v1/calls/c1/socket");
});

test("the first message proves who it is, and says which connection still works", async (t) => {
  const told = await line(t, { epoch: "e7" });
  told.newest().opens();
  assert.deepEqual(told.newest().sent, [{ v: 1, type: "hello", token: "token1", epoch: "e7" }]);
});

test("where the call's node can't be reached this page's own server passes on, and the other way round", async (t) => {
  const there = "https://node2.example/v1/calls/c1/socket";
  const here = "https://clinic.example/v1/calls/c1/socket";
  const told = await line(t, { askToken: async () => ({ token: "token", expires_in: 300, socket_url: there }) });
  told.newest().breaks();
  await settled();
  await told.after(300);
  told.newest().opens();
  told.newest().says("welcome", WELCOME);
  told.newest().breaks(); // it was good, and is tried again
  await settled();
  await told.after(600);
  told.newest().breaks();
  await settled();
  await told.after(1200);
  const dialled = told.sockets.map(({ address }) => address.replace("wss:", "https:"));
  assert.deepEqual(dialled, [there, here, here, there]);
});

test("nothing else is sent before the welcome", async (t) => {
  const told = await line(t);
  told.newest().opens();
  assert.equal(told.send("start"), false);
  told.newest().says("welcome", WELCOME);
  assert.equal(told.send("start"), true);
  assert.deepEqual(types(told.newest()), ["hello", "start"]);
  assert.deepEqual(told.lines, [["connected", null]]);
});

test("a line that breaks is made again, with a new token and the connection that still works", async (t) => {
  const told = await welcomed(t);
  told.epoch = "e1";
  told.newest().breaks();
  await settled();
  assert.deepEqual(told.lines.at(-1), ["reconnecting", messagesOf("en")["api.unreachable"]]);
  assert.equal(told.send("start"), false);
  await told.after(300);
  assert.equal(told.sockets.length, 2);
  told.newest().opens();
  assert.deepEqual(told.newest().sent, [{ v: 1, type: "hello", token: "token2", epoch: "e1" }]);
  told.newest().says("welcome", WELCOME);
  assert.deepEqual(told.lines.at(-1), ["connected", null]);
});

test("each try waits longer than the last, up to five seconds, and not all pages wait the same", () => {
  assert.deepEqual([0, 1, 2, 3, 4, 9, 200].map((tries) => backoffMs(tries, 0)), [300, 600, 1200, 2400, 2500, 2500, 2500]);
  assert.deepEqual([0, 1, 9].map((tries) => backoffMs(tries, 1)), [600, 1200, 5000]);
});

test("who is thrown out again and again waits longer each time", async (t) => {
  const told = await line(t);
  for (const ms of [300, 600, 1200]) {
    const { length } = told.sockets;
    told.newest().opens();
    told.newest().says("welcome", WELCOME);
    told.newest().breaks();
    await settled();
    await told.after(ms - 1);
    assert.equal(told.sockets.length, length);
    await told.after(1);
    assert.equal(told.sockets.length, length + 1);
  }
});

test("after a line that held the next one is tried at once again", async (t) => {
  const told = await welcomed(t);
  told.newest().breaks();
  await settled();
  await told.after(300);
  told.newest().opens();
  told.newest().says("welcome", WELCOME);
  for (let s = 0; s < 10; s += 5) {
    await told.after(5000);
    told.newest().says("pong", { id: 1 });
  }
  told.newest().breaks();
  await settled();
  await told.after(300);
  assert.equal(told.sockets.length, 3);
});

test("a network that comes back ends the waiting", async (t) => {
  const network = new EventTarget();
  globalThis.addEventListener = network.addEventListener.bind(network);
  t.after(() => delete globalThis.addEventListener);
  const told = await welcomed(t);
  told.newest().breaks();
  await settled();
  network.dispatchEvent(new Event("online"));
  await settled();
  assert.equal(told.sockets.length, 2);
});

test("a socket that is never welcome is given up", async (t) => {
  const told = await line(t);
  told.newest().opens();
  await told.after(10_000);
  assert.ok(told.sockets[0].closed);
  assert.equal(told.lines.at(-1)[0], "opening");
});

test("a line that has died in silence is given up", async (t) => {
  const told = await welcomed(t);
  await told.after(5000);
  told.newest().says("pong", { id: 1 });
  await told.after(5000);
  assert.deepEqual(types(told.newest()), ["hello", "ping", "ping"]);
  await told.after(5000);
  assert.ok(!told.newest().closed);
  await told.after(5000);
  assert.ok(told.sockets[0].closed);
  assert.equal(told.lines.at(-1)[0], "reconnecting");
});

test("the token is renewed when half of its time is over", async (t) => {
  const told = await welcomed(t);
  const renewals = () => told.newest().sent.filter(({ type }) => type === "renew");
  for (let s = 0; s < 150; s += 5) {
    assert.equal(renewals().length, 0);
    await told.after(5000);
    told.newest().says("pong", { id: s });
  }
  assert.deepEqual(renewals(), [{ v: 1, type: "renew", token: "token2" }]);
  for (let s = 0; s < 150; s += 5) {
    await told.after(5000);
    told.newest().says("pong", { id: s });
  }
  assert.deepEqual(renewals().map(({ token }) => token), ["token2", "token3"]);
});

for (const reason of ["ended", "replaced", "dismissed", "signed_out", "deleted", "full"]) {
  test(`after "${reason}" nobody comes back`, async (t) => {
    const told = await welcomed(t);
    told.newest().says("bye", { reason });
    told.newest().breaks();
    await settled();
    await told.after(60_000);
    assert.deepEqual(told.over, [reason, null]);
    assert.equal(told.sockets.length, 1);
    assert.ok(told.sockets[0].closed);
  });
}

for (const reason of ["shutdown", "expired"]) {
  test(`after "${reason}" the page comes back`, async (t) => {
    const told = await welcomed(t);
    told.newest().says("bye", { reason });
    await settled();
    await told.after(300);
    assert.equal(told.over, null);
    assert.equal(told.sockets.length, 2);
  });
}

test("a close code tells the reason where no bye came through", async (t) => {
  const told = await welcomed(t);
  told.newest().breaks(4409);
  await settled();
  assert.deepEqual(told.over, ["replaced", null]);
});

test("a token that was too old is replaced", async (t) => {
  const told = await line(t);
  told.newest().opens();
  told.newest().breaks(4401);
  await settled();
  await told.after(300);
  told.newest().opens();
  assert.equal(told.newest().sent[0].token, "token2");
});

test("a call that the server refuses is over, with its sentence", async (t) => {
  const told = await line(t, { askToken: async () => Promise.reject(Object.assign(new Error("There is no such call."), { status: 404 })) });
  assert.deepEqual(told.over, ["refused", "There is no such call."]);
});

test("a call that has ended is over", async (t) => {
  const told = await line(t, { askToken: async () => Promise.reject(Object.assign(new Error("The call has ended."), { status: 409 })) });
  assert.deepEqual(told.over, ["ended", "The call has ended."]);
});

test("a server that can't answer is asked again", async (t) => {
  const answers = [0, 503, 429].map((status) => Object.assign(new Error(`no ${status}`), { status }));
  const askToken = async () => {
    if (answers.length > 0) throw answers.shift();
    return { token: "token", expires_in: 300, socket_url: "/s" };
  };
  const told = await line(t, { askToken });
  await told.after(300);
  await told.after(600);
  await told.after(1200);
  assert.deepEqual(told.lines, [["opening", "no 0"], ["opening", "no 503"], ["opening", "no 429"]]);
  assert.equal(told.sockets.length, 1);
});

test("nothing goes on after the end", async (t) => {
  const told = await welcomed(t);
  told.ending.abort();
  await settled();
  assert.ok(told.newest().closed);
  await told.after(600_000);
  assert.equal(told.sockets.length, 1);
  assert.deepEqual([told.tokens, told.over], [1, null]);
});

test("messages that are none are left out", async (t) => {
  const told = await welcomed(t);
  told.newest().dispatchEvent(Object.assign(new Event("message"), { data: "{" }));
  told.newest().says("applause");
  told.newest().says("peer", { epoch: 7, polite: true });
  told.newest().says("peer", { epoch: "e1", polite: true });
  assert.deepEqual(told.messages, ["welcome", "peer"]);
});
