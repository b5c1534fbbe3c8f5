/** The server's HTTP interface, one function a request. */

import { utcOffsetMin } from "./days.js";
import { getBlob, getJson, problem, remove, request, send, sendForm, sendJson, sendJsonAsGuest, signedIn } from "./http.js";
import { session } from "./sign-in-tokens.js";

export { ApiError, getBlob, onSignInNeeded } from "./http.js";
export { session };

const query = (values) => {
  const given = Object.entries(values).filter(([, value]) => value !== undefined && value !== null);
  return given.length === 0 ? "" : `?${new URLSearchParams(given)}`;
};

// Signing in and the account

/** Sign in. Requests that were waiting for it go on. */
export async function signIn(username, password) {
  const response = await send("/token", {
    method: "POST",
    body: new URLSearchParams({ username, password }),
  });
  if (!response.ok) throw await problem(response);
  signedIn(await response.json(), username);
}

/** Sign out; the server forgets the tokens. Never fails: without the server they run out by themselves. */
export async function signOut() {
  const headers = { Authorization: `Bearer ${session.token}` };
  session.forget();
  await fetch("/v1/sign-in", { method: "DELETE", headers, keepalive: true }).catch(() => {});
}

export const signOutEverywhere = () => remove("/v1/sign-ins");

/** Whose token it is: `{id, name, role, has_password, created_at}`. */
export const getMe = (signal) => getJson("/v1/me", signal);

export const changePassword = (current, next) =>
  sendJson("POST", "/v1/password", { current_password: current, new_password: next });

/** Who read or changed what of the person, newest first; `before` is the `at` of the last entry already known. */
export const listAudit = async ({ limit, before = null }, signal) =>
  (await getJson(`/v1/audit${query({ limit, before })}`, signal)).entries;

/** The same about everybody, for an admin. */
export const listAllAudit = async (limit, signal) =>
  (await getJson(`/v1/audit${query({ limit, all: true })}`, signal)).entries;

// What the person allows, takes along and deletes

/** `{wanted: [{purpose, given, wording}], given: […]}`. */
export const getConsents = (signal) => getJson("/v1/consents", signal);

export const giveConsent = (purpose, language) => sendJson("POST", "/v1/consents", { purpose, language });

export const withdrawConsent = (id) => remove(`/v1/consents/${id}`);

/** Delete the account for ever; `proof` is `{password}` or, without one, `{name}`. */
export const deleteAccount = (proof) => sendJson("POST", "/v1/data/delete", proof);

// Coaching

export const listCoaches = async (signal) => (await getJson("/v1/coaches", signal)).coaches;
export const removeCoach = (id) => remove(`/v1/coaches/${id}`);

export const listMembers = async (signal) => (await getJson("/v1/members", signal)).members;
export const removeMember = (id) => remove(`/v1/members/${id}`);

/** What the coach plans for a member, in order. */
export const listAssignments = async (memberId, signal) =>
  (await getJson(`/v1/members/${memberId}/assignments`, signal)).assignments;
export const addAssignment = (memberId, assignment) =>
  sendJson("POST", `/v1/members/${memberId}/assignments`, assignment);
export const changeAssignment = (id, changes) => sendJson("PATCH", `/v1/assignments/${id}`, changes);
export const removeAssignment = (id) => remove(`/v1/assignments/${id}`);

export const listInvitations = async (signal) => (await getJson("/v1/invitations", signal)).invitations;
export const invite = (note, days) =>
  sendJson("POST", "/v1/invitations", { note, expires_in_days: days });
export const removeInvitation = (id) => remove(`/v1/invitations/${id}`);

/** Who invites: `{coach_name, expires_at}`. */
export const previewInvitation = (token, signal) =>
  sendJsonAsGuest("POST", "/v1/invitations/preview", { token }, signal);
export const acceptInvitation = (token, language) =>
  sendJson("POST", "/v1/invitations/accept", { token, language });

/** Make an account by an invitation or a call's link, and sign in with it: `{call_id}`, null by an invitation. */
export async function createAccount(token, username, password, language) {
  const body = { token, username, password, language };
  const made = await sendJsonAsGuest("POST", "/v1/accounts", body);
  signedIn(made, username);
  return { call_id: made.call_id ?? null };
}

// Accounts, for admins

export const listUsers = async (signal) => (await getJson("/v1/users", signal)).users;
export const addUser = (name, password, role) => sendJson("POST", "/v1/users", { name, password, role });
export const changeUser = (id, changes) => sendJson("PATCH", `/v1/users/${id}`, changes);
export const removeUser = (id) => remove(`/v1/users/${id}`);

// Exercises

/** The exercises that the person may train with, newest first. */
export const listExercises = async (signal) => (await getJson("/v1/exercises", signal)).exercises;

export const getExercise = (id, signal) => getJson(`/v1/exercises/${id}`, signal);

export const changeExercise = (id, changes) => sendJson("PATCH", `/v1/exercises/${id}`, changes);

export const deleteExercise = (id) => remove(`/v1/exercises/${id}`);

/**
 * Upload a clip as a new exercise. `about` has its `name` and, as wanted, other fields that are no null; `onProgress`
 * gets the share sent, 0 to 1.
 */
export function uploadExercise(about, clip, fileName, onProgress, signal) {
  const form = new FormData();
  for (const [name, value] of Object.entries(about)) if (value !== null) form.append(name, String(value));
  form.append("clip", clip, fileName); // the last: the server reads the parts in order
  return sendForm("/v1/exercises", form, onProgress, signal);
}

/** The picture that an exercise's whole clip shows at a time. */
export const getFrame = (id, atS, signal) => getBlob(`/v1/exercises/${id}/frame${query({ at_s: atS.toFixed(3) })}`, signal);

/** What is planned for a day, "2026-11-25" as the person's clock has it: `{date, items}`. */
export const getToday = (day, utcOffsetMin, signal) =>
  getJson(`/v1/today${query({ date: day, utc_offset_min: utcOffsetMin })}`, signal);

// Offline comparisons

/** Compare a video with a reference: `{exerciseId}`, or `{file}`, another video. The answer is a job. */
export function compareVideo(video, reference, onProgress, signal) {
  const form = new FormData();
  if (reference.file) form.append("reference", reference.file, reference.file.name);
  else form.append("reference_id", reference.exerciseId);
  form.append("video", video, video.name);
  return sendForm("/predict", form, onProgress, signal);
}

/** Jobs, newest first, without their results. */
export const listJobs = async (limit, signal) => (await getJson(`/v1/jobs${query({ limit })}`, signal)).jobs;

export const getJob = (id, signal) => getJson(`/v1/jobs/${id}`, signal);

/** Cancel a job; one that is over is removed. */
export const deleteJob = (id) => remove(`/v1/jobs/${id}`);

/** What the server tells of a job as it happens: a response of server-sent events. */
export const openJobEvents = (id, signal) => request(`/v1/jobs/${id}/events`, { signal });

// Sessions

/** Open a session against an exercise: id, WHIP address, its own token, ICE servers. */
export const createSession = (exerciseId, signal) =>
  sendJson("POST", "/v1/sessions", { exercise_id: exerciseId }, signal);

/** Another token for a session that goes on: `{token, expires_in}`. */
export const renewSessionToken = async (id, signal) =>
  (await request(`/v1/sessions/${id}/token`, { method: "POST", signal })).json();

export const getSession = (id, signal) => getJson(`/v1/sessions/${id}`, signal);

export const deleteSession = (id) => remove(`/v1/sessions/${id}`);

/** Exchange an SDP offer for an answer; returns `{sdp, location}`. `claim`: see `openLink`. */
export async function exchangeOffer(whipUrl, token, offer, signal, claim = null) {
  const condition = claim === null ? {} : { "If-Match": claim };
  const response = await send(whipUrl, {
    method: "POST",
    headers: { "Content-Type": "application/sdp", Authorization: `Bearer ${token}`, ...condition },
    body: offer,
    signal,
  });
  if (response.status !== 201) throw await problem(response);
  const location = response.headers.get("Location");
  return { sdp: await response.text(), location: location === null ? null : beside(whipUrl, location) };
}

/** An address that an answer from `url` named: on the same server, which may be another than the page's. */
const beside = (url, address) => (/^https?:/.test(url) ? new URL(address, url).href : address);

/** Where a session's offers go now, as the server at `origin` ("": the page's) knows it. */
export async function whereIsSession(origin, id, token, signal) {
  const response = await send(`${origin}/v1/whip/${id}/node`, { headers: { Authorization: `Bearer ${token}` }, signal });
  if (!response.ok) throw await problem(response);
  return (await response.json()).whip_url;
}

/** End a WHIP session; also while the page goes away. Never fails: the server ends it by itself in time. */
export async function endWhip(location, token) {
  const headers = { Authorization: `Bearer ${token}` };
  await fetch(location, { method: "DELETE", headers, keepalive: true }).catch(() => {});
}

// History

/** Whose history it is: one's own, or that of a member whom one coaches. */
const historyOf = (memberId) => (memberId === null ? "/v1" : `/v1/members/${memberId}`);

/**
 * Sessions, newest first, of one exercise or (null) of all; `before` is the `created_at` of the last one already
 * known. `memberId` null: one's own, here and below.
 */
export const listSessions = async (memberId, { limit, before = null, exerciseId = null }, signal) => {
  const which = query({ limit, before, exercise_id: exerciseId });
  return (await getJson(`${historyOf(memberId)}/sessions${which}`, signal)).sessions;
};

/** A session with all that was said in it: `{session, scores, repetitions, gaps, cues, moments}`. */
export const getRecord = (memberId, id, signal) => getJson(`${historyOf(memberId)}/sessions/${id}/record`, signal);

export const deleteRecord = (id) => remove(`/v1/sessions/${id}/record`);

/** How far the server looks back. */
export const MOST_WEEKS = 104;

/** What weeks came to, with one exercise or (null) all: `{weeks, exercises}`. */
export const getProgress = (memberId, weeks, exerciseId, signal) => {
  const which = query({ weeks, exercise_id: exerciseId, utc_offset_min: utcOffsetMin() });
  return getJson(`${historyOf(memberId)}/progress${which}`, signal);
};

/** A session as a report, "html" or "pdf". */
export const getReport = (memberId, id, ending, language) =>
  getBlob(`${historyOf(memberId)}/sessions/${id}/report.${ending}${query({ language, utc_offset_min: utcOffsetMin() })}`);

/** A session of one's own as a file, "csv" or "json". */
export const exportSession = (id, ending) => getBlob(`/v1/sessions/${id}/export.${ending}`);

/** One's whole history as a file, "csv" or "json". */
export const exportHistory = (ending) => getBlob(`/v1/export/history.${ending}`);

/** Take the sessions of an exported history: `{imported, already_here}`. */
export const importHistory = async (file) => {
  const headers = { "Content-Type": "application/json" };
  return (await request("/v1/import", { method: "POST", headers, body: file })).json();
};

// Calls

/**
 * The person's calls, as coach or as member, newest first; `before` is the `created_at` of the last one already known.
 * A call is `{id, title, role, coach_name, member_name, starts_at, …, state}`, `role` being the person's own in it.
 */
export const listCalls = async ({ limit, before = null }, signal) =>
  (await getJson(`/v1/calls${query({ limit, before })}`, signal)).calls;

export const getCall = (id, signal) => getJson(`/v1/calls/${id}`, signal);

/** Make an appointment, `starts_at` a timestamp or null: `{call, token, url}`. The link in `url` is told this once. */
export const createCall = (title, startsAt, days) =>
  sendJson("POST", "/v1/calls", { title, starts_at: startsAt, expires_in_days: days });

/** Change `title`, `starts_at` or `notes` of a call; what it is then. */
export const changeCall = (id, changes) => sendJson("PATCH", `/v1/calls/${id}`, changes);

export const deleteCall = (id) => remove(`/v1/calls/${id}`);

/** Who calls: `{coach_name, title, starts_at, expires_at}`. */
export const previewCall = (token, signal) => sendJsonAsGuest("POST", "/v1/calls/preview", { token }, signal);

/** Accept a call by its link, which gives the consent to it; the call. */
export const joinCall = (token, language) => sendJson("POST", "/v1/calls/join", { token, language });

/** The way into a call: `{token, expires_in, socket_url}`. */
export const callToken = async (id, signal) =>
  (await request(`/v1/calls/${id}/token`, { method: "POST", signal })).json();

/** What both keep of a call: `{call, sessions, marks}`. */
export const getCallRecord = (id, signal) => getJson(`/v1/calls/${id}/record`, signal);

/** A session of a call with all that was said in it, as `getRecord` has it. */
export const getCallSession = (id, sessionId, signal) =>
  getJson(`/v1/calls/${id}/sessions/${sessionId}/record`, signal);

/** Mark a moment: `{note, session_id, t_s}`, the last two null where it belongs to no session. */
export const addMark = (id, mark) => sendJson("POST", `/v1/calls/${id}/marks`, mark);

export const deleteMark = (id, markId) => remove(`/v1/calls/${id}/marks/${markId}`);

/** Say how many repetitions a session had, null for as many as were counted; the session. */
export const correctRepetitions = (id, sessionId, repetitions) =>
  sendJson("PUT", `/v1/calls/${id}/sessions/${sessionId}/repetitions`, { repetitions });

/** A call's record as files; each function gets one as a Blob. */
export const callFiles = (id) => {
  const report = (ending) => (language) =>
    getBlob(`/v1/calls/${id}/report.${ending}${query({ language, utc_offset_min: utcOffsetMin() })}`);
  return { json: () => getBlob(`/v1/calls/${id}/record.json`), html: report("html"), pdf: report("pdf") };
};
