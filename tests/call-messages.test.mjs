import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { callMessage, parseCallMessage } from "../static/call/call-messages.js";

const samples = JSON.parse(readFileSync(new URL("data/call_messages.json", import.meta.url), "utf8"));
const parse = (message) => parseCallMessage(JSON.stringify(message));
const sampleOf = (type) => samples.server.find((sample) => sample.type === type);

for (const [index, sample] of samples.server.entries()) {
  test(`sample ${index} of the server, ${sample.type}, is read unchanged`, () => {
    assert.deepEqual(parse(sample), sample);
  });
}

test("the page writes its messages as in the samples", () => {
  for (const { v: _, type, ...fields } of samples.client) {
    assert.deepEqual(JSON.parse(callMessage(type, fields)), { v: 1, type, ...fields });
  }
  assert.equal(callMessage("leave"), '{"v":1,"type":"leave"}');
});

test("each field of a message is needed", () => {
  for (const type of new Set(samples.server.map((sample) => sample.type))) {
    const sample = sampleOf(type);
    for (const name of Object.keys(sample)) {
      const { [name]: _, ...rest } = sample;
      assert.equal(parse(rest), null, `${type} without ${name}`);
    }
  }
});

const admitted = samples.server.find(({ type, phase }) => type === "state" && phase === "admitted");
for (const [name, change] of Object.entries({
  "a phase that does not exist": { phase: "asleep" },
  "a seat without a name": { coach: { ...admitted.coach, name: 7 } },
  "a program that is no list": { program: {} },
  "an exercise without an id": { program: [{ ...admitted.program[0], id: undefined }] },
  "a run in no state": { run: { ...admitted.run, state: "asleep" } },
  "a count below 0": { results: [{ ...admitted.results[0], repetitions: -1 }] },
  "a mark without its note": { marks: [{ ...admitted.marks[0], note: null }] },
  "another version": { v: 2 },
})) {
  test(`${name} is left out`, () => assert.equal(parse({ ...admitted, ...change }), null));
}

test("a live message whose inside is none is left out", () => {
  const { message, ...live } = sampleOf("live");
  assert.deepEqual(parse({ ...live, message }), { ...live, message });
  assert.equal(parse({ ...live, message: { ...message, score: 120 } }), null);
  assert.equal(parse({ ...live, message: { v: 1, type: "applause", seq: 0 } }), null);
});

test("what is no message of the server is left out", () => {
  for (const data of ["", "{", "null", "[]", "7", '{"v":1}', '{"v":1,"type":"toString"}', new ArrayBuffer(4)]) {
    assert.equal(parseCallMessage(data), null);
  }
});
