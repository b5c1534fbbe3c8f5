/**
 * The server's HTTP interface, one function a request.
 *
 * Every failure is an `ApiError` whose message says what to do. When the token has run out, a request waits until
 * the person has signed in again and then goes on, so that nothing they have done is lost.
 */

const TOKEN_KEY = "posesim.token";
const NAME_KEY = "posesim.name";

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

const UNREACHABLE = "The server can’t be reached. Check your network, then try again.";

/** Who is signed in. The token lives as long as the tab. */
export const session = {
  get token() {
    return sessionStorage.getItem(TOKEN_KEY);
  },
  get name() {
    return sessionStorage.getItem(NAME_KEY);
  },
  keep(token, name) {
    sessionStorage.setItem(TOKEN_KEY, token);
    sessionStorage.setItem(NAME_KEY, name);
  },
  forget() {
    sessionStorage.removeItem(TOKEN_KEY);
    sessionStorage.removeItem(NAME_KEY);
  },
};

/** Requests that wait for a new token: one promise for all of them. */
let renewal = null;
let askToSignIn = () => {};

/** Call `listener` when a request needs the person to sign in again. */
export function onSignInNeeded(listener) {
  askToSignIn = listener;
}

/** Sign in. Requests that were waiting for it go on. */
export async function signIn(username, password) {
  const response = await send("/token", {
    method: "POST",
    body: new URLSearchParams({ username, password }),
  });
  if (!response.ok) throw await problem(response);
  const { access_token: token } = await response.json();
  session.keep(token, username);
  renewal?.resolve();
  renewal = null;
}

/** Wait until `token`, which the server refused, has been replaced. */
async function renewed(token, signal) {
  if (session.token !== token && session.token !== null) return;
  renewal ??= withResolvers();
  const { promise } = renewal;
  askToSignIn();
  signal?.throwIfAborted();
  await new Promise((resolve, reject) => {
    promise.then(resolve);
    signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

function withResolvers() {
  const deferred = {};
  deferred.promise = new Promise((resolve, reject) => Object.assign(deferred, { resolve, reject }));
  return deferred;
}

async function send(path, options) {
  try {
    return await fetch(path, { cache: "no-store", ...options });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new ApiError(UNREACHABLE, 0);
  }
}

/** An answer that is no success, as an error with the server's own sentence. */
async function problem(response) {
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
  if (typeof detail !== "string" || detail === "") {
    detail = `The server answered with an error (${status}). Try again in a moment.`;
  }
  return new ApiError(detail, status, Number.isFinite(wait) ? wait : null);
}

async function request(path, options = {}) {
  for (;;) {
    const token = session.token;
    const headers = { ...options.headers, Authorization: `Bearer ${token}` };
    const response = await send(path, { ...options, headers });
    if (response.ok) return response;
    if (response.status !== 401) throw await problem(response);
    await renewed(token, options.signal);
  }
}

const getJson = async (path, signal) => (await request(path, { signal })).json();

/** The exercises of the person, newest first. */
export const listExercises = async (signal) => (await getJson("/v1/exercises", signal)).exercises;

export const getExercise = (id, signal) => getJson(`/v1/exercises/${id}`, signal);

export const deleteExercise = (id) => request(`/v1/exercises/${id}`, { method: "DELETE" });

/** The clip or thumbnail at `path` as a Blob. */
export const getBlob = async (path, signal) => (await request(path, { signal })).blob();

/**
 * Upload a clip as a new exercise.
 *
 * `onProgress` gets the share sent, 0 to 1: XMLHttpRequest, because fetch tells nothing of an upload.
 */
export async function uploadExercise(name, clip, fileName, onProgress, signal) {
  for (;;) {
    const token = session.token;
    const answer = await post(name, clip, fileName, token, onProgress, signal);
    if (answer.status === 202) return JSON.parse(answer.text);
    if (answer.status !== 401) throw problemFrom(answer.text, answer.status, answer.retryAfter);
    await renewed(token, signal);
  }
}

function post(name, clip, fileName, token, onProgress, signal) {
  const form = new FormData();
  form.append("name", name); // before the file: the server reads the parts in order
  form.append("clip", clip, fileName);
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest();
    xhr.open("POST", "/v1/exercises");
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
    xhr.addEventListener("error", () =>
      reject(
        new ApiError(
          "The upload was cut off. Check your network and that the file is not too large, then try again.",
          0,
        ),
      ),
    );
    xhr.addEventListener("abort", () => reject(signal.reason));
    signal?.addEventListener("abort", () => xhr.abort(), { once: true });
    xhr.send(form);
  });
}

/** Open a session against an exercise: id, WHIP address, its own token, ICE servers. */
export const createSession = async (exerciseId, signal) =>
  (
    await request("/v1/sessions", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ exercise_id: exerciseId }),
      signal,
    })
  ).json();

/** Sessions, newest first; `before` is the `created_at` of the last one already known. */
export async function listSessions(limit, before, signal) {
  const query = new URLSearchParams({ limit: String(limit) });
  if (before) query.set("before", before);
  return (await getJson(`/v1/sessions?${query}`, signal)).sessions;
}

export const getSession = (id, signal) => getJson(`/v1/sessions/${id}`, signal);

export const getScores = async (id, signal) =>
  (await getJson(`/v1/sessions/${id}/scores`, signal)).scores;

export const deleteSession = (id) => request(`/v1/sessions/${id}`, { method: "DELETE" });

/** Exchange an SDP offer for an answer; returns `{sdp, location}`. */
export async function exchangeOffer(whipUrl, token, offer, signal) {
  const response = await send(whipUrl, {
    method: "POST",
    headers: { "Content-Type": "application/sdp", Authorization: `Bearer ${token}` },
    body: offer,
    signal,
  });
  if (response.status !== 201) throw await problem(response);
  return { sdp: await response.text(), location: response.headers.get("Location") };
}

/** End a WHIP session; also while the page goes away. Never fails: the server ends it by itself in time. */
export async function endWhip(location, token) {
  const headers = { Authorization: `Bearer ${token}` };
  await fetch(location, { method: "DELETE", headers, keepalive: true }).catch(() => {});
}
