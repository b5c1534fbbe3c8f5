import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";

import { ApiError, createSession, getSession, onSignInNeeded, session, signIn } from "../static/api.js";

const json = (status, body, headers = {}) => new Response(JSON.stringify(body), { status, headers });
const problem = (status, detail, headers) =>
  json(status, { type: "about:blank", title: "…", status, detail }, headers);

const real = { fetch: globalThis.fetch, sessionStorage: globalThis.sessionStorage };

beforeEach(() => {
  const kept = new Map();
  Object.defineProperty(globalThis, "sessionStorage", {
    configurable: true,
    value: {
      getItem: (key) => kept.get(key) ?? null,
      setItem: (key, value) => kept.set(key, value),
      removeItem: (key) => kept.delete(key),
    },
  });
  session.keep("old", "anna");
  onSignInNeeded(() => {});
});

afterEach(() => {
  globalThis.fetch = real.fetch;
  Object.defineProperty(globalThis, "sessionStorage", { configurable: true, value: real.sessionStorage });
});

/** A server that knows one token; `/token` gives it to whoever asks. */
function serve(token, answer) {
  const seen = [];
  globalThis.fetch = async (path, { method = "GET", headers = {} }) => {
    if (path === "/token") return json(200, { access_token: token, token_type: "bearer", expires_in: 60 });
    seen.push([method, path, headers.Authorization]);
    if (headers.Authorization !== `Bearer ${token}`) return problem(401, "Sign in again.");
    return answer(path);
  };
  return seen;
}

test("a refusal is told in the server's own words", async () => {
  serve("old", () => problem(503, "This server is full.", { "Retry-After": "12" }));
  await assert.rejects(createSession("x"), (error) => {
    assert.ok(error instanceof ApiError);
    assert.deepEqual([error.message, error.status, error.retryAfterS], ["This server is full.", 503, 12]);
    return true;
  });
});

test("an answer of something in between is a sentence, too", async () => {
  globalThis.fetch = async () => new Response("<h1>Bad gateway</h1>", { status: 502 });
  await assert.rejects(getSession("x"), /error \(502\)\. Try again/);
});

test("a server that can't be reached is a sentence", async () => {
  globalThis.fetch = async () => {
    throw new TypeError("Failed to fetch");
  };
  await assert.rejects(getSession("x"), (error) => error.status === 0 && /network/.test(error.message));
});

test("requests wait until the person has signed in again, then go on", async () => {
  const seen = serve("new", (path) => json(200, { path }));
  let asked = 0;
  const signInNeeded = new Promise((resolve) =>
    onSignInNeeded(() => {
      asked += 1;
      if (asked === 2) resolve();
    }),
  );
  const both = Promise.all([getSession("a"), getSession("b")]);
  await signInNeeded;
  await signIn("anna", "secret");
  assert.deepEqual(await both, [{ path: "/v1/sessions/a" }, { path: "/v1/sessions/b" }]);
  assert.equal(session.token, "new");
  assert.equal(seen.filter(([, , authorization]) => authorization === "Bearer new").length, 2);
});

test("a request that waits for a sign-in ends when its view goes away", async () => {
  serve("new", () => json(200, {}));
  const leaving = new AbortController();
  onSignInNeeded(() => leaving.abort(new Error("left")));
  await assert.rejects(getSession("a", leaving.signal), /left/);
});

test("a wrong password is told and keeps nothing", async () => {
  session.forget();
  globalThis.fetch = async () => problem(401, "The name or the password is wrong.");
  await assert.rejects(signIn("anna", "guess"), /name or the password is wrong/);
  assert.equal(session.token, null);
});
