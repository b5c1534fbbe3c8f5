import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";

import { ApiError, createSession, getSession, onSignInNeeded, session, signIn, signOut } from "../static/api.js";
import { speak } from "./languages.mjs";

speak("en");

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
  session.keep({ access_token: "old" }, "anna");
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

test("a token that ran out is renewed without asking anybody", async () => {
  session.keep({ access_token: "old", refresh_token: "s.1" }, "anna");
  const bodies = [];
  globalThis.fetch = async (path, { body, headers = {} }) => {
    if (path === "/token") {
      bodies.push(String(body));
      return json(200, { access_token: "new", refresh_token: "s.2", expires_in: 60 });
    }
    return headers.Authorization === "Bearer new" ? json(200, { path }) : problem(401, "Sign in again.");
  };
  onSignInNeeded(() => assert.fail("nobody has to sign in"));
  const both = await Promise.all([getSession("a"), getSession("b")]);
  assert.deepEqual(both, [{ path: "/v1/sessions/a" }, { path: "/v1/sessions/b" }]);
  assert.ok(bodies.every((body) => body === "grant_type=refresh_token&refresh_token=s.1"));
  assert.deepEqual([session.token, session.refreshToken, session.name], ["new", "s.2", "anna"]);
});

test("who can't be renewed is asked to sign in", async () => {
  session.keep({ access_token: "old", refresh_token: "s.1" }, "anna");
  let knows = "nobody";
  globalThis.fetch = async (path, { body, headers = {} }) => {
    if (path !== "/token") {
      return headers.Authorization === `Bearer ${knows}` ? json(200, { path }) : problem(401, "Sign in again.");
    }
    if (String(body).includes("refresh_token")) return problem(401, "The sign-in is over.");
    knows = "new";
    return json(200, { access_token: "new", expires_in: 60 });
  };
  const asked = new Promise((resolve) => onSignInNeeded(resolve));
  const waits = getSession("a");
  await asked;
  await signIn("anna", "secret");
  assert.deepEqual(await waits, { path: "/v1/sessions/a" });
});

test("signing out tells the server and keeps nothing", async () => {
  const seen = [];
  globalThis.fetch = async (path, { method, headers }) => {
    seen.push([method, path, headers.Authorization]);
    return new Response(null, { status: 204 });
  };
  await signOut();
  assert.deepEqual(seen, [["DELETE", "/v1/sign-in", "Bearer old"]]);
  assert.equal(session.token, null);
});
