import assert from "node:assert/strict";
import { test } from "node:test";

import { negotiate } from "../static/call/negotiation.js";
import { FakePeer, agreed } from "./fake_peers.mjs";

const soon = () => new Promise((resolve) => setImmediate(resolve));
const settled = async () => {
  for (let i = 0; i < 30; i += 1) await soon();
};

/** Two sides whose messages wait until the test delivers them; nothing may complain. */
function pair(t) {
  t.mock.method(console, "error", (error) => error instanceof Error && assert.fail(error));
  const ending = new AbortController();
  t.after(() => ending.abort());
  const sides = { polite: { connection: new FakePeer(), waiting: [], up: true }, impolite: { connection: new FakePeer(), waiting: [], up: true } };
  for (const [name, side] of Object.entries(sides)) {
    const send = (type, fields) => side.up && (side.waiting.push({ type, ...fields }), true);
    side.negotiation = negotiate(side.connection, { polite: name === "polite", send }, ending.signal);
  }
  const { polite, impolite } = sides;
  /** Bring the oldest message that `from` sent. */
  const deliver = async (from, to) => {
    to.negotiation.receive(from.waiting.shift());
    await settled();
  };
  const deliverAll = async () => {
    while (polite.waiting.length + impolite.waiting.length > 0) {
      if (impolite.waiting.length > 0) await deliver(impolite, polite);
      if (polite.waiting.length > 0) await deliver(polite, impolite);
    }
  };
  return { polite, impolite, deliver, deliverAll, ending };
}

for (const first of ["polite", "impolite"]) {
  test(`an offer of the ${first} side is answered`, async (t) => {
    const sides = pair(t);
    sides[first].connection.add();
    await settled();
    await sides.deliverAll();
    assert.ok(agreed(sides.polite.connection, sides.impolite.connection));
  });
}

test("in a collision the polite side takes its offer back, and makes it again afterwards", async (t) => {
  const { polite, impolite, deliver, deliverAll } = pair(t);
  polite.connection.add();
  impolite.connection.add();
  await settled();
  await deliver(impolite, polite);
  assert.equal(polite.connection.rollbacks, 1);
  await deliver(polite, impolite); // its offer, which is out of date
  assert.equal(impolite.connection.rollbacks, 0);
  await deliverAll();
  assert.ok(agreed(polite.connection, impolite.connection));
  assert.match(polite.connection.localDescription.sdp, /offers 2$/);
});

test("in a collision the other order ends the same", async (t) => {
  const { polite, impolite, deliver, deliverAll } = pair(t);
  polite.connection.add();
  impolite.connection.add();
  await settled();
  await deliver(polite, impolite); // ignored: the own one is on its way
  assert.equal(impolite.connection.signalingState, "have-local-offer");
  await deliverAll();
  assert.ok(agreed(polite.connection, impolite.connection));
  assert.deepEqual([polite.connection.rollbacks, impolite.connection.rollbacks], [1, 0]);
});

test("whatever comes first, both sides agree in the end", async (t) => {
  let seed = 1;
  const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
  const { polite, impolite, deliverAll } = pair(t);
  let glares = 0;
  for (let round = 0; round < 150; round += 1) {
    for (let step = 0; step < 12; step += 1) {
      const [from, to] = random() < 0.5 ? [polite, impolite] : [impolite, polite];
      if (random() < 0.4) from.connection.add();
      else if (from.waiting.length > 0) to.negotiation.receive(from.waiting.shift());
      if (random() < 0.5) await soon();
    }
    glares = polite.connection.rollbacks;
    await settled();
    await deliverAll();
    assert.ok(agreed(polite.connection, impolite.connection), `round ${round}`);
  }
  assert.ok(glares > 20, `${glares} collisions`);
  assert.equal(impolite.connection.rollbacks, 0);
});

test("candidates are told as they are found, and not that there are no more", async (t) => {
  const { polite, impolite, deliverAll } = pair(t);
  impolite.connection.add();
  await settled();
  impolite.connection.finds("candidate:1");
  impolite.connection.finds("");
  impolite.connection.dispatchEvent(Object.assign(new Event("icecandidate"), { candidate: null }));
  assert.deepEqual(impolite.waiting[1], {
    type: "candidate",
    candidate: "candidate:1",
    sdp_mid: "0",
    sdp_m_line_index: 0,
    username_fragment: impolite.connection.localDescription.sdp,
  });
  assert.equal(impolite.waiting.length, 2);
  await deliverAll();
  assert.ok(agreed(polite.connection, impolite.connection));
});

test("candidates of an offer that was ignored are left out", async (t) => {
  const { polite, impolite, deliver } = pair(t);
  polite.connection.add();
  impolite.connection.add();
  await settled();
  polite.connection.finds();
  await deliver(polite, impolite);
  await deliver(polite, impolite); // would complain
  assert.equal(impolite.connection.signalingState, "have-local-offer");
});

test("candidates of anything else that can't be taken are a fault", async (t) => {
  const { polite } = pair(t);
  const faults = t.mock.method(console, "error", () => {});
  const candidate = { type: "candidate", candidate: "x", sdp_mid: "0", sdp_m_line_index: 0, username_fragment: "nobody" };
  await polite.negotiation.receive(candidate);
  assert.match(faults.mock.calls[0].arguments[0].message, /unknown ufrag/);
});

test("a connection that failed is offered again, by both sides at once if need be", async (t) => {
  const { polite, impolite, deliverAll } = pair(t);
  impolite.connection.add();
  await settled();
  await deliverAll();
  polite.connection.becomes("failed");
  impolite.connection.becomes("failed");
  await settled();
  await deliverAll();
  assert.deepEqual([polite.connection.restarts, impolite.connection.restarts], [1, 1]);
  assert.ok(agreed(polite.connection, impolite.connection));
  assert.match(impolite.connection.localDescription.sdp, /offers 2$|to .* offers/);
});

test("an offer without an answer is told again until there is one", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { polite, impolite, deliverAll } = pair(t);
  impolite.connection.add();
  await settled();
  impolite.waiting.length = 0; // lost
  t.mock.timers.tick(5000);
  impolite.waiting.length = 0; // lost again
  t.mock.timers.tick(5000);
  assert.equal(impolite.waiting.length, 1);
  await deliverAll();
  assert.ok(agreed(polite.connection, impolite.connection));
  t.mock.timers.tick(60_000);
  assert.equal(impolite.waiting.length, 0);
});

test("an answer that comes twice is taken once", async (t) => {
  const { polite, impolite, deliver, deliverAll } = pair(t);
  impolite.connection.add();
  await settled();
  await deliver(impolite, polite);
  polite.waiting.push(polite.waiting[0]);
  impolite.negotiation.receive(polite.waiting.shift());
  impolite.negotiation.receive(polite.waiting.shift());
  await settled();
  await deliverAll();
  assert.ok(agreed(polite.connection, impolite.connection));
});

test("what was found while nothing could be sent is told when it can", async (t) => {
  const { polite, impolite, deliverAll } = pair(t);
  impolite.up = false;
  impolite.connection.add();
  await settled();
  impolite.connection.finds();
  assert.equal(impolite.waiting.length, 0);
  impolite.up = true;
  impolite.negotiation.resume();
  assert.deepEqual(impolite.waiting.map(({ type }) => type), ["description", "candidate"]);
  await deliverAll();
  assert.ok(agreed(polite.connection, impolite.connection));
});

test("a connection that broke with the line is made again as soon as the line is", async (t) => {
  const { polite, impolite, deliverAll } = pair(t);
  impolite.connection.add();
  await settled();
  await deliverAll();
  polite.connection.iceConnectionState = "disconnected";
  polite.negotiation.resume();
  await settled();
  assert.equal(polite.connection.restarts, 1);
  assert.match(polite.waiting[0].sdp, /offers 1$/);
});

test("nothing happens after the end", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { impolite, ending } = pair(t);
  impolite.connection.add();
  await settled();
  impolite.waiting.length = 0;
  ending.abort();
  impolite.connection.close();
  impolite.connection.becomes("failed");
  t.mock.timers.tick(60_000);
  await settled();
  assert.deepEqual([impolite.waiting.length, impolite.connection.restarts], [0, 0]);
});
