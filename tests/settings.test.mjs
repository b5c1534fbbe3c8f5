import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { recall, remember } from "../static/settings.js";

const real = globalThis.localStorage;
const use = (storage) => Object.defineProperty(globalThis, "localStorage", { configurable: true, ...storage });
afterEach(() => use({ value: real }));

function keep(kept = new Map()) {
  use({ value: { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value) } });
}

test("a choice is remembered", () => {
  keep();
  assert.equal(recall("voice", false), false);
  remember("voice", true);
  assert.equal(recall("voice", false), true);
});

test("what is no choice of this kind is not used", () => {
  for (const text of ["{", "null", '"yes"', "7"]) {
    keep(new Map([["posesim.voice", text]]));
    assert.equal(recall("voice", false), false, text);
  }
});

test("a browser that forbids storage forgets", () => {
  use({
    get() {
      throw new Error("SecurityError");
    },
  });
  remember("voice", true);
  assert.equal(recall("voice", false), false);
});
