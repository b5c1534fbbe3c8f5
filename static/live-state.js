/**
 * What the live view shows, as a value made of the messages that have come. No DOM, no clock.
 *
 * Times are seconds of the session, as the server counts them.
 */

/** Seconds between two points beyond which the timeline is broken: three scores that did not come. */
const BREAK_S = 1.3;

/** Seconds of the timeline that a live view needs: the last minute, and a little that slides out of it. */
const KEEP_S = 70;

export const initialLive = {
  /** The newest score message by its seq; the channel is unordered, so an older one may come later. */
  seq: -1,
  /** Session time of what `state` was read from. */
  tS: 0,
  state: "warming_up",
  score: null,
  components: null,
  tempo: null,
  referenceS: null,
  /** How far the person is behind the reference that is played; below 0: ahead. */
  lagS: null,
  mirrored: false,
  /** Repetitions that count, and others. */
  repetitions: 0,
  attempts: 0,
  /** For how long the posture has been held; null unless the reference holds one. */
  heldS: null,
  /** Each repetition in order, as its message; `count` says the how-manieth that counts it is, or null. */
  reps: [],
  /** The newest pose message, or null. */
  pose: null,
  /** The newest cue message, or null; how long it is shown is the view's matter. */
  cue: null,
  /** The connection that the last welcome came by, or null. */
  epoch: null,
  /** Timeline: `{t, score}` in order of time, score null where there is none. */
  points: [],
  gaps: 0,
  /** Why the picture was interrupted, until there is a number again; or null. */
  gap: null,
  /** Whether the server is about to stop: the session ends in a few seconds. */
  draining: false,
  /** Whether the session ends in a minute because nobody has trained for long. */
  idle: false,
  /** The server's last word, or null. */
  ended: null,
};

/** The live view after `message`. */
export function applyMessage(live, message) {
  switch (message.type) {
    case "score":
      return applyScore(live, message);
    case "pose":
      return message.seq <= (live.pose?.seq ?? -1) ? live : { ...live, pose: message };
    case "rep":
      return applyRep(live, message);
    case "cue":
      // Before the welcome of a later connection it is one that was missed: too late to be of use.
      return live.epoch !== null && message.epoch > live.epoch ? live : { ...live, cue: message };
    case "state":
      // A score newer than this change has already told the state.
      if (message.t_s < live.tS) return live;
      return { ...live, tS: message.t_s, ...shown(live, message.state) };
    case "gap":
      return {
        ...live,
        gaps: live.gaps + 1,
        gap: message.reason,
        points: insert(live.points, { t: message.start_s, score: null }),
      };
    case "draining":
      return { ...live, draining: true };
    case "idle":
      return { ...live, idle: true };
    case "welcome":
      return applyWelcome(live, message);
    case "ended":
      return { ...live, ended: { reason: message.reason, summary: message.summary } };
    default:
      return live;
  }
}

function applyScore(live, message) {
  const points = insert(live.points, { t: message.t_s, score: message.score });
  if (message.seq <= live.seq) return { ...live, points };
  const next = { ...live, seq: message.seq, points, tempo: message.tempo, lagS: message.lag_s };
  next.referenceS = message.reference_s;
  next.mirrored = message.mirrored;
  next.repetitions = Math.max(live.repetitions, message.repetitions);
  next.heldS = message.held_s;
  if (message.t_s < live.tS) return next;
  return {
    ...next,
    tS: message.t_s,
    state: message.state,
    score: message.score,
    components: message.components,
    gap: message.state === "scoring" ? null : live.gap,
    idle: live.idle && message.score === null,
  };
}

/**
 * After a loss: what was counted, whatever was missed. A server that was killed may know less than it had told: what it
 * does not count has its number for another repetition now, and is forgotten.
 */
function applyWelcome(live, message) {
  const reps = live.reps.filter(({ number }) => number <= message.repetitions + message.attempts);
  const known = reps.length < live.reps.length ? { repetitions: 0, attempts: 0 } : live;
  return {
    ...live,
    epoch: message.epoch,
    draining: false,
    idle: false,
    ended: null, // it was taken over, and taken back
    reps,
    repetitions: Math.max(known.repetitions, message.repetitions),
    attempts: Math.max(known.attempts, message.attempts),
  };
}

/**
 * The scores tell the count, too, but a `rep` is never lost and may come before the next score. A server that was
 * restarted tells all of them again.
 */
function applyRep(live, message) {
  if (live.reps.some(({ number }) => number === message.number)) {
    const reps = live.reps.map((rep) => (rep.number === message.number ? { ...message, count: rep.count } : rep));
    return { ...live, idle: false, reps };
  }
  const valid = live.reps.filter((rep) => rep.valid).length + (message.valid ? 1 : 0);
  return {
    ...live,
    idle: false,
    reps: [...live.reps, { ...message, count: message.valid ? valid : null }],
    repetitions: Math.max(live.repetitions, valid),
    attempts: live.attempts + (message.valid ? 0 : 1),
  };
}

/** State and score together: a state other than `scoring` takes the number away at once. */
function shown(live, state) {
  return state === "scoring" ? { state } : { state, score: null, components: null };
}

/** `points` with `point` at its place in time; what is older than the timeline is let go. */
function insert(points, point) {
  let at = points.length;
  while (at > 0 && points[at - 1].t > point.t) at -= 1;
  const next = points.toSpliced(at, 0, point);
  const oldest = next[next.length - 1].t - KEEP_S;
  return next[0].t < oldest ? next.filter(({ t }) => t >= oldest) : next;
}

/**
 * Points as uPlot wants them: `[[seconds], [score or null]]`, strictly in order of time.
 *
 * A silence longer than `BREAK_S` becomes a null between its ends, so that no line is drawn across it.
 */
export function timelineData(points) {
  const times = [];
  const scores = [];
  let previous = null;
  for (const { t, score } of points) {
    if (previous !== null && t - previous > BREAK_S) {
      times.push((previous + t) / 2);
      scores.push(null);
    }
    if (previous !== null && t === previous) {
      scores[scores.length - 1] = score ?? scores[scores.length - 1];
      continue;
    }
    times.push(t);
    scores.push(score);
    previous = t;
  }
  return [times, scores];
}
