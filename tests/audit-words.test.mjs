import assert from "node:assert/strict";
import { test } from "node:test";

import { actionWords, actorWords } from "../static/audit-words.js";
import { speak } from "./languages.mjs";

speak("en");

const entry = (fields) => ({ action: "results.read", actor_id: "7", actor_name: "carla", ...fields });

test("an entry names who did it", () => {
  assert.equal(actorWords(entry({})), "carla");
  assert.equal(actorWords(entry({ actor_id: null, actor_name: null })), "The operator");
});

test("an account that is gone is not taken for the operator", () => {
  assert.equal(actorWords(entry({ actor_name: null })), "An account that is gone");
});

test("nobody is named for a sign-in that somebody else may have", () => {
  assert.equal(actorWords(entry({ action: "sign_in.reused", actor_id: null, actor_name: null })), "Somebody");
});

test("what a newer server may write down is told as a change", () => {
  assert.equal(actionWords(entry({})), "looked at your results");
  assert.equal(actionWords({ action: "stars.counted" }), "changed something of your account");
});
