/**
 * Requests to the server, with the token of who is signed in.
 *
 * Every failure is an `ApiError` whose message says what to do. When the token has run out it is renewed; where that
 * is not possible, a request waits until the person has signed in again and then goes on, so that nothing is lost.
 */

import { t } from "./i18n.js";
import { inWords } from "./refusals.js";
import { alone, session } from "./sign-in-tokens.js";

/** A request that failed: a sentence for the person, the HTTP status (0 without an answer). */
export class ApiError extends Error {
  constructor(message, status, retryAfterS = null) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    /** Seconds after which the server wants to be asked again, or null. */
    this.retryAfterS = retryAfterS;
  }
}

/** Requests that wait for somebody to sign in: one promise for all of them. */
let waiting = null;
let askToSignIn = () => {};

/** Call `listener` when a request needs the person to sign in again. */
export function onSignInNeeded(listener) {
  askToSignIn = listener;
}

/** Take the answer of `/token`. Requests that were waiting for it go on. */
export function signedIn(tokens, name) {
  session.keep(tokens, name);
  waiting?.resolve();
  waiting = null;
}

/** Replace `token`, which the server refused: by the refresh token, else by the person. */
export async function renewed(token, signal) {
  if (await refreshed(token)) return;
  if (session.token !== token && session.token !== null) return;
  waiting ??= withResolvers();
  const { promise } = waiting;
  askToSignIn();
  signal?.throwIfAborted();
  await new Promise((resolve, reject) => {
    promise.then(resolve);
    signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

/** Whether there is another token than `token` now. */
async function refreshed(token) {
  if (session.refreshToken === null) return false;
  return alone(async () => {
    if (session.token !== token) return session.token !== null; // another request or tab was first
    const response = await send("/token", {
      method: "POST",
      body: new URLSearchParams({ grant_type: "refresh_token", refresh_token: session.refreshToken }),
    });
    if (response.ok) {
      session.keep(await response.json(), session.name);
      return true;
    }
    if (response.status !== 401 && response.status !== 400) throw await problem(response);
    return false;
  });
}

function withResolvers() {
  const deferred = {};
  deferred.promise = new Promise((resolve, reject) => Object.assign(deferred, { resolve, reject }));
  return deferred;
}

/** `fetch`, whose failure is a sentence. */
export async function send(path, options) {
  try {
    return await fetch(path, { cache: "no-store", ...options });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new ApiError(t("api.unreachable"), 0);
  }
}

/** An answer that is no success, as an error with the server's sentence in the person's language. */
export async function problem(response) {
  const text = await response.text().catch(() => "");
  return problemFrom(text, response.status, response.headers.get("Retry-After"));
}

function problemFrom(text, status, retryAfter) {
  const wait = Number.parseInt(retryAfter ?? "", 10);
  let detail;
  try {
    detail = JSON.parse(text).detail;
  } catch {
    detail = undefined; // a proxy in between, which knows nothing of problem+json
  }
  const known = typeof detail === "string" && detail !== "";
  return new ApiError(known ? inWords(detail) : t("api.failed", { status }), status, Number.isFinite(wait) ? wait : null);
}

/** Ask as who is signed in; the response is a success. */
export async function request(path, options = {}) {
  for (;;) {
    const token = session.token;
    const headers = { ...options.headers, Authorization: `Bearer ${token}` };
    const response = await send(path, { ...options, headers });
    if (response.ok) return response;
    if (response.status !== 401) throw await problem(response);
    await renewed(token, options.signal);
  }
}

export const getJson = async (path, signal) => (await request(path, { signal })).json();

const withJson = (method, body, signal) => ({
  method,
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify(body),
  signal,
});

/** Send `body` as JSON; the answer, null where it is empty. */
export async function sendJson(method, path, body, signal) {
  const response = await request(path, withJson(method, body, signal));
  return response.status === 204 ? null : response.json();
}

/** The same for somebody who is not signed in. */
export async function sendJsonAsGuest(method, path, body, signal) {
  const response = await send(path, withJson(method, body, signal));
  if (!response.ok) throw await problem(response);
  return response.status === 204 ? null : response.json();
}

export const remove = (path) => request(path, { method: "DELETE" });

/** The file at `path` as a Blob. */
export const getBlob = async (path, signal) => (await request(path, { signal })).blob();

/**
 * Send a form with a file.
 *
 * `onProgress` gets the share sent, 0 to 1: XMLHttpRequest, because fetch tells nothing of an upload.
 */
export async function sendForm(path, form, onProgress, signal) {
  for (;;) {
    signal?.throwIfAborted(); // an XMLHttpRequest knows nothing of what was before it
    const token = session.token;
    const answer = await postForm(path, form, token, onProgress, signal);
    if (answer.status >= 200 && answer.status < 300) return JSON.parse(answer.text);
    if (answer.status !== 401) throw problemFrom(answer.text, answer.status, answer.retryAfter);
    await renewed(token, signal);
  }
}

function postForm(path, form, token, onProgress, signal) {
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest();
    xhr.open("POST", path);
    xhr.setRequestHeader("Authorization", `Bearer ${token}`);
    xhr.upload.addEventListener("progress", ({ loaded, total }) => onProgress(loaded / total));
    xhr.addEventListener("load", () =>
      resolve({
        status: xhr.status,
        text: xhr.responseText,
        retryAfter: xhr.getResponseHeader("Retry-After"),
      }),
    );
    // A server that refuses a large file may close before it has read it all: the browser then sees no answer.
    xhr.addEventListener("error", () => reject(new ApiError(t("api.upload_cut"), 0)));
    xhr.addEventListener("abort", () => reject(signal.reason));
    signal?.addEventListener("abort", () => xhr.abort(), { once: true });
    xhr.send(form);
  });
}
