import assert from "node:assert/strict";
import { test } from "node:test";

import { address, fields, groups, matches, messages, resolve, sample, typeWords, unwrapped, webhooks } from "../static/docs/reading.js";

const REP = { type: "object", description: "A repetition.", properties: { type: { const: "rep" }, valid: { type: "boolean" } }, required: ["type"] };
const NODE = { type: "object", properties: { inside: { anyOf: [{ $ref: "#/components/schemas/Node" }, { type: "null" }] } }, required: ["inside"] };
const described = {
  tags: [{ name: "Sessions" }, { name: "Nothing" }],
  paths: {
    "/s": {
      post: { operationId: "make", tags: ["Sessions"], summary: "Make one" },
      get: { operationId: "list", tags: ["Sessions"], summary: "List them" },
    },
  },
  webhooks: { "job.done": { post: { operationId: "on_job_done", summary: "A job is over" } } },
  "x-data-channels": { channels: { events: { server: { discriminator: { mapping: { rep: "#/components/schemas/Rep" } } } } } },
  components: { schemas: { Rep: REP, Node: NODE } },
};
const ref = (name) => ({ $ref: `#/components/schemas/${name}` });
const wordsOf = (schema) => typeWords(described, schema);

test("operations come by tag, reading before writing, and a tag of none is left out", () => {
  const [{ tag, operations }, ...rest] = groups(described);
  assert.equal(tag, "Sessions");
  assert.deepEqual(operations.map(({ method, id }) => [method, id]), [["GET", "list"], ["POST", "make"]]);
  assert.deepEqual(rest, []);
});

test("webhooks have the event's name", () => {
  assert.deepEqual(webhooks(described).map(({ id, name }) => [id, name]), [["on_job_done", "job.done"]]);
  assert.deepEqual(webhooks({}), []);
});

test("a message says its channel, who sends it, and what it is", () => {
  const [message] = messages(described);
  const { id, channel, from, kind, description } = message;
  assert.deepEqual({ id, channel, from, kind, description }, { id: "events-server-rep", channel: "events", from: "server", kind: "rep", description: "A repetition." });
});

test("a call's messages are of its socket", () => {
  const union = { oneOf: [ref("Rep")], discriminator: { mapping: { rep: "#/components/schemas/Rep" } } };
  const components = { schemas: { ...described.components.schemas, CallServerMessage: union } };
  const found = messages({ ...described, components, "x-call-socket": { server: ref("CallServerMessage") } });
  assert.deepEqual(found.map(({ id }) => id), ["events-server-rep", "call-server-rep"]);
});

test("a reference leads to its schema", () => {
  assert.equal(resolve(described, ref("Rep")), REP);
  assert.equal(resolve(described, REP), REP);
});

test("search wants every word, in any of the texts, in any case", () => {
  assert.ok(matches("LIST ses", "/v1/sessions", "List them"));
  assert.ok(!matches("list nothing", "/v1/sessions", "List them"));
  assert.ok(matches("", "anything"));
});

for (const [schema, words] of [
  [{ type: "integer", minimum: 1, maximum: 200 }, "integer, 1 to 200"],
  [{ type: "number", exclusiveMinimum: 0 }, "number, above 0"],
  [{ type: "integer", maximum: 9 }, "integer, at most 9"],
  [{ type: "string", minLength: 1, maxLength: 80 }, "string, 1 to 80 characters"],
  [{ type: "string", format: "uuid" }, "uuid"],
  [{ type: "string", contentMediaType: "video/*" }, "video/*"],
  [{ type: "string", pattern: "^a$" }, "string, ^a$"],
  [{ enum: ["a", "b"], type: "string" }, '"a" | "b"'],
  [{ const: 1 }, "1"],
  [{ anyOf: [{ type: "number" }, { type: "null" }] }, "number or null"],
  [{ anyOf: [ref("Rep"), { type: "null" }] }, "Rep or null"],
  [{ type: "array", items: ref("Rep"), minItems: 2, maxItems: 2 }, "array of Rep, 2 entries"],
  [{ anyOf: [{ type: "string" }, { type: "integer" }] }, "string | integer"],
  [{}, "anything"],
]) {
  test(`a type in words: ${words}`, () => assert.equal(wordsOf(schema), words));
}

test("what may be null is described without it", () => {
  const { schema, nullable } = unwrapped({ anyOf: [{ type: "number" }, { type: "null" }], default: null });
  assert.deepEqual([schema, nullable], [{ type: "number", default: null }, true]);
});

test("the fields of an array are those of what it holds", () => {
  assert.deepEqual(fields(described, { type: "array", items: ref("Rep") }).map(({ name, required }) => [name, required]), [["type", true], ["valid", false]]);
  assert.deepEqual(fields(described, { type: "number" }), []);
});

test("a sample has the form of its schema, also of one that holds itself", () => {
  assert.deepEqual(sample(described, ref("Rep")), { type: "rep", valid: false });
  assert.deepEqual(sample(described, ref("Node")), { inside: null });
  assert.deepEqual(sample(described, { type: "object", properties: { n: { type: "integer", minimum: 3 }, m: { type: "string", default: "x" } } }), { n: 3, m: "x" });
});

test("an address is filled, and what is not given is left out of its query", () => {
  const parameters = [{ name: "id", in: "path" }, { name: "limit", in: "query" }, { name: "before", in: "query" }];
  assert.equal(address("/s/{id}/x", parameters, { id: "a/b", limit: "5" }), "/s/a%2Fb/x?limit=5");
});
