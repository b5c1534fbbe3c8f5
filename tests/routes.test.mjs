import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { test } from "node:test";

import { GUEST, HOME, ROLES, VIEWS, address, navigation, parseRoute } from "../static/routes.js";

const ID = "3f0c9e0a-5a1c-4d59-9f0e-0d9f5f1f3b11";
const EXAMPLES = { id: ID, session: ID, token: "0d9f5f1f3b11_0d9f5f1f-3b11" };

/** `#/summary/:id` and so on, with an example in each place. */
const addresses = VIEWS.flatMap(({ name, roles, paths }) =>
  paths.map((path) => ({ name, role: roles.at(-1), hash: `#${path.replace(/:(\w+)/g, (_, key) => EXAMPLES[key])}` })),
);

test("each address leads to its view", () => {
  for (const { name, role, hash } of addresses) assert.equal(parseRoute(hash, role).view.name, name, hash);
});

test("a view has the address that its links have", () => {
  assert.equal(address("library"), "#/library");
  assert.equal(address("summary", { id: ID }), `#/summary/${ID}`);
  assert.deepEqual(parseRoute(address("summary", { id: ID }), "member").parameters, { id: ID });
});

test("links from before still lead where they did", () => {
  const led = { "#/sessions": "history", [`#/sessions/${ID}`]: "summary", [`#/exercises/${ID}`]: "session" };
  for (const [hash, name] of Object.entries(led)) assert.equal(parseRoute(hash, "member").view.name, name);
});

test("an address that nobody made leads home", () => {
  const home = parseRoute(HOME, "member").view;
  assert.equal(home, navigation("member", "bar")[0]);
  for (const hash of ["", "#/nowhere", "#/sessions/7", `#/session/${ID}/../x`, "#/session/../token"]) {
    assert.equal(parseRoute(hash, "member").view, home, hash);
  }
});

test("a view that is not for somebody leads them home, and a guest to no view at all", () => {
  for (const { name, hash } of addresses) {
    const { roles } = VIEWS.find((view) => view.name === name);
    for (const role of ROLES.filter((each) => !roles.includes(each))) {
      assert.equal(parseRoute(hash, role).view, parseRoute(HOME, role).view, `${role} at ${hash}`);
    }
    if (!roles.includes(GUEST)) assert.equal(parseRoute(hash, GUEST), null, hash);
  }
});

test("a view that can be navigated to needs no parameter and has an icon", () => {
  for (const { name, nav, icon, paths } of VIEWS) {
    assert.ok(["bar", "menu", null].includes(nav), name);
    if (nav !== null) assert.ok(icon && !paths[0].includes(":"), name);
  }
});

test("the bar has room for what each role finds in it", () => {
  for (const role of ROLES) assert.ok(navigation(role, "bar").length <= 6, role);
});

test("the file of each view is there", () => {
  for (const { name, load } of VIEWS) {
    const [, file] = /import\("\.\/(views\/[\w-]+\.js)"\)/.exec(load.toString());
    assert.ok(existsSync(new URL(`../static/${file}`, import.meta.url)), name);
  }
});
