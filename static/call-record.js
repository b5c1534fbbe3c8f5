/** What the record of a call says, beyond its numbers. No DOM, no network. */

const time = (timestamp) => Date.parse(timestamp);

const sessionFrom = ({ started_at: started, created_at: created }) => time(started ?? created);

/** When a mark was, on the clock; `sessions` by id. A mark with a place in a session belongs to the moment it marks. */
function markAt({ at, session_id: sessionId, t_s: tS }, sessions) {
  const session = sessions.get(sessionId);
  return session === undefined || tS === null ? time(at) : sessionFrom(session) + tS * 1000;
}

const byId = (sessions) => new Map(sessions.map((session) => [session.id, session]));

/**
 * What happened in a call, oldest first: `{session, marks}` for what was tried, and `{mark}` for a mark that belongs to
 * no session. The marks of a session are in the order of its own time, those of it as a whole first.
 */
export function courseOf({ sessions, marks }) {
  const known = byId(sessions);
  const entries = sessions.map((session) => ({ at: sessionFrom(session), session, marks: [] }));
  const entry = new Map(entries.map((each) => [each.session.id, each]));
  for (const mark of marks) {
    const of = entry.get(mark.session_id);
    if (of === undefined) entries.push({ at: time(mark.at), mark });
    else of.marks.push(mark);
  }
  for (const { marks: some = [] } of entries) some.sort((a, b) => (a.t_s ?? -1) - (b.t_s ?? -1) || markAt(a, known) - markAt(b, known));
  return entries.sort((a, b) => a.at - b.at).map(({ at, ...rest }) => rest);
}

/**
 * From when to when a call was, as `{from, to}` in ms of the clock; null before anybody was let in. `to` is null while
 * it goes on. Who is let in again is let in later, so what was tried before counts as well.
 */
export function spanOf({ call: { admitted_at: admitted, ended_at: ended }, sessions }) {
  const begun = [...(admitted === null ? [] : [time(admitted)]), ...sessions.map(sessionFrom)];
  return begun.length === 0 ? null : { from: Math.min(...begun), to: ended === null ? null : time(ended) };
}

/**
 * A call that is over as a line from 0 to 1: `{sessions: [{id, from, to}], marks: [{id, at}]}`; null before that. What
 * was marked after the end is not on it.
 */
export function lineOf(record) {
  const span = spanOf(record);
  if (span === null || span.to === null || span.to <= span.from) return null;
  const share = (at) => Math.min(1, Math.max(0, (at - span.from) / (span.to - span.from)));
  const known = byId(record.sessions);
  const sessions = record.sessions.map((session) => ({
    id: session.id,
    from: share(sessionFrom(session)),
    to: share(session.ended_at === null ? span.to : time(session.ended_at)),
  }));
  const marks = record.marks.map((mark) => ({ id: mark.id, at: markAt(mark, known) }));
  return { sessions, marks: marks.filter(({ at }) => at <= span.to).map(({ id, at }) => ({ id, at: share(at) })) };
}

/** What is taken for a time in a session: "1:05", or seconds alone. */
export const TIME_PATTERN = "\\d{1,3}:[0-5]\\d|\\d{1,5}";

/** Such a time in seconds; null for "". */
export function secondsOf(text) {
  if (text.trim() === "") return null;
  const [seconds, minutes = 0] = text.split(":").map(Number).reverse();
  return 60 * minutes + seconds;
}
