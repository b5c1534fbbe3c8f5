/**
 * What a call shows, as a value made of the messages that have come. No DOM, no clock.
 *
 * What is seen in a run comes as `live` messages: the coach's from the server, the member's from the data channel of
 * the own stream.
 */
import { applyMessage, initialLive } from "../live-state.js";

export const initialCall = {
  /** The server's `welcome`, or null. */
  welcome: null,
  /** The newest `state` message, which is the whole state; or null. */
  call: null,
  /** What is seen in the newest session, as of live-state.js. It stays when the run is over. */
  live: initialLive,
  /** The id of that session, or null. */
  liveOf: null,
  /** Sessions before it: a message of theirs that comes late changes nothing. */
  past: [],
  /** What sessions that ended meanwhile came to, by id. */
  summaries: {},
  /** The newest refusal as `{of, detail, at}`, or null; `at` counts them. */
  refused: null,
  /** Whether the server is about to stop; a new line's `welcome` says that it is back. */
  draining: false,
};

/** The call after `message`. */
export function applyCallMessage(state, message) {
  switch (message.type) {
    case "welcome":
      return { ...state, welcome: message, draining: false };
    case "draining":
      return { ...state, draining: true };
    case "state":
      return { ...begun(state, message.run?.session_id ?? null), call: message };
    case "ticket":
      return message.purpose === "score" ? begun(state, message.id) : state;
    case "live": {
      const next = begun(state, message.session_id);
      if (next.liveOf !== message.session_id) return state;
      return { ...next, live: applyMessage(next.live, message.message) };
    }
    case "result":
      return { ...state, summaries: { ...state.summaries, [message.session_id]: message.summary } };
    case "refused":
      return { ...state, refused: { of: message.of, detail: message.detail, at: (state.refused?.at ?? 0) + 1 } };
    default:
      return state;
  }
}

/** Begin with a session that has not been seen before; null is none. */
function begun(state, sessionId) {
  const known = sessionId === null || sessionId === state.liveOf || state.past.includes(sessionId);
  if (known) return state;
  const past = state.liveOf === null ? state.past : [...state.past, state.liveOf];
  return { ...state, live: initialLive, liveOf: sessionId, past };
}

/** The seat of the other person, or null where it is not known yet. */
export const otherSeat = ({ welcome, call }) =>
  welcome === null || call === null ? null : call[welcome.role === "coach" ? "member" : "coach"];

/** Each result with its whole summary, null where it ended before this page was opened. */
export const resultsOf = ({ call, summaries }) =>
  (call?.results ?? []).map((result) => ({ ...result, summary: summaries[result.session_id] ?? null }));
