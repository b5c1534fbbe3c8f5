import assert from "node:assert/strict";
import { test } from "node:test";

import * as routes from "../static/routes.js";

const ID = "3f0c9e0a-5a1c-4d59-9f0e-0d9f5f1f3b11";

test("each address leads to its view", () => {
  assert.deepEqual(routes.parseRoute(""), { view: "library", id: null });
  assert.deepEqual(routes.parseRoute(routes.LIBRARY), { view: "library", id: null });
  assert.deepEqual(routes.parseRoute(routes.RECORD), { view: "record", id: null });
  assert.deepEqual(routes.parseRoute(routes.HISTORY), { view: "history", id: null });
  assert.deepEqual(routes.parseRoute(routes.exerciseAddress(ID)), { view: "session", id: ID });
  assert.deepEqual(routes.parseRoute(routes.summaryAddress(ID)), { view: "summary", id: ID });
});

test("an address that nobody made is the library", () => {
  for (const hash of ["#/nowhere", "#/sessions/7", `#/exercises/${ID}/../x`, "#/exercises/../token"]) {
    assert.equal(routes.parseRoute(hash).view, "library", hash);
  }
});
