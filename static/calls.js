/** What is known of calls, for lists of them. No DOM, no network. */
import { date, keys, t } from "./i18n.js";
import { localDay } from "./plan.js";

/** A call that nobody ended is still to come for so long after it should have begun. */
const LATE_MS = 86_400_000;

/** How far a call has come: as the server's `state`, but "running" while the other person is let in. */
export const stageOf = ({ state, admitted_at: admitted }) => (state === "accepted" && admitted !== null ? "running" : state);

const STAGES = keys({
  open: "calls.state.open",
  expired: "calls.state.expired",
  accepted: "calls.state.accepted",
  running: "calls.state.running",
  ended: "calls.state.ended",
});

/** The same in words. */
export const stageWords = (call) => t(STAGES[stageOf(call)], { when: expiryWords(call) });

/** Until when a link is good, within a sentence. */
export const expiryWords = ({ expires_at: expires }) => date(expires, { dateStyle: "medium", timeStyle: "short" });

/** The one of the two who is not the person. */
export const otherName = ({ role, coach_name: coach, member_name: member }) => (role === "coach" ? member : coach);

/** Both can go in: it was accepted and has not ended. The coach can already before. */
export const canEnter = ({ role, state }) => state === "accepted" || (role === "coach" && state === "open");

const beginsAt = ({ starts_at: starts, accepted_at: accepted, created_at: created }) => Date.parse(starts ?? accepted ?? created);

function isUpcoming(call, now) {
  if (call.state === "open") return true;
  return call.state === "accepted" && beginsAt(call) + LATE_MS > now.getTime();
}

/** `{upcoming, past}` of calls that come newest first: the former by when they begin, those without a time last. */
export function sorted(calls, now = new Date()) {
  const upcoming = calls.filter((call) => isUpcoming(call, now));
  const untimed = ({ starts_at: starts }) => Number(starts === null);
  upcoming.sort((a, b) => untimed(a) - untimed(b) || beginsAt(a) - beginsAt(b));
  return { upcoming, past: calls.filter((call) => !isUpcoming(call, now)) };
}

/** The call that the person should go to next; null where none is accepted. */
export const nextCall = (calls, now = new Date()) =>
  sorted(calls, now).upcoming.find(({ state }) => state === "accepted") ?? null;

/** A timestamp as `<input type="datetime-local">` has it, on this computer's clock; "" for null. */
export function localTime(timestamp) {
  if (timestamp === null) return "";
  const at = new Date(timestamp);
  const two = (value) => String(value).padStart(2, "0");
  return `${localDay(at)}T${two(at.getHours())}:${two(at.getMinutes())}`;
}

/** The other way: a timestamp for the server, null for "". */
export const timestampOf = (local) => (local === "" ? null : new Date(local).toISOString());
