import assert from "node:assert/strict";
import { test } from "node:test";

import { Broken, NotLoaded } from "../static/components/no-view.js";
import { html } from "../static/preact.js";
import { speak } from "./languages.mjs";

speak("en");

/** The elements that a template comes to, as `[tag, text]`, in their order; its components have no state. */
function elements(node) {
  if (Array.isArray(node)) return node.flatMap(elements);
  if (typeof node?.type === "function") return elements(node.type(node.props));
  if (typeof node?.type !== "string") return [];
  return [[node.type, words(node)], ...elements(node.props.children)];
}

function words(node) {
  if (Array.isArray(node)) return node.map(words).join("");
  if (typeof node === "string") return node;
  if (typeof node?.type === "function") return words(node.type(node.props));
  return node?.props ? words(node.props.children) : "";
}

for (const [what, View, says] of [
  ["whose module did not come", NotLoaded, "could not be loaded"],
  ["that failed", Broken, "went wrong"],
])
  test(`a view ${what} has its name as the heading of the page, what happened, and a way on`, () => {
    const shown = elements(html`<${View} title="Progress" />`);
    const of = (tag) => shown.filter(([found]) => found === tag).map(([, text]) => text);
    assert.equal(of("main").length, 1);
    assert.deepEqual(of("h1"), ["Progress"]);
    assert.ok(of("p").some((text) => text.includes(says)));
    assert.deepEqual(of("button"), ["Try again"]);
  });
