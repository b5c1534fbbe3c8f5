/** What is told of a call, in the language of the page. No DOM, no network. */
import { decimal, keys, number, percent, t } from "./i18n.js";
import { initialLive } from "./live-state.js";
import { lagWords, waitingWords } from "./words.js";

const OVER = keys({
  ended: ["call.over.ended.title", "call.over.ended.text"],
  left: ["call.over.left.title", "call.over.left.text"],
  dismissed: ["call.over.dismissed.title", "call.over.dismissed.text"],
  replaced: ["call.over.replaced.title", "call.over.replaced.text"],
  deleted: ["call.over.deleted.title", "call.over.deleted.text"],
  signed_out: ["call.over.signed_out.title", "call.over.signed_out.text"],
  full: ["call.over.full.title", "call.over.full.text"],
  other: ["call.over.other.title", "call.over.other.text"],
});

/** Reasons after which the call itself goes on, so that one may come back. */
const STILL_OPEN = ["left", "dismissed", "replaced", "full", "shutdown", "expired", "refused"];

/** Why one is in the call no more: `{title, text}`. */
export function overWords(reason) {
  const [title, text] = Object.hasOwn(OVER, reason) ? OVER[reason] : OVER.other;
  return { title: t(title), text: t(text) };
}

export const canComeBack = (reason) => STILL_OPEN.includes(reason);

const QUALITY = keys({ good: "call.quality.good", fair: "call.quality.fair", poor: "call.quality.poor" });

/** The line between the two as a word, and what was measured: `{word, facts}`. */
export function qualityWords({ level, rttMs, lossShare, kbitS }) {
  const facts = [
    rttMs === null ? null : t("call.quality.rtt", { ms: Math.round(rttMs) }),
    lossShare === null ? null : t("call.quality.loss", { percent: percent(lossShare) }),
    kbitS === null ? null : t("call.quality.rate", { rate: kbitS < 1000 ? `${number(Math.round(kbitS))} kbit/s` : `${decimal(kbitS / 1000, 1)} Mbit/s` }),
  ];
  return { word: t(QUALITY[level]), facts: facts.filter((each) => each !== null) };
}

const RUN_STATES = keys({
  starting: "call.run.starting",
  running: "call.run.running",
  paused: "call.run.paused",
});

/** How the run stands: "Running · 2nd try". */
export const runWords = (run) => (run === null ? t("call.run.none") : t(RUN_STATES[run.state]));

/** What is seen in the run that goes on; nothing yet before its session has begun, and nothing of the one before. */
export const liveOfRun = ({ call: { run }, live, liveOf }) =>
  run !== null && run.session_id !== null && run.session_id === liveOf ? live : initialLive;

/** Whether nothing new comes of the member: the line to the server or their picture for the score is lost, or they left. */
export const isAway = ({ status, scoring, call: { member } }) => status === "reconnecting" || scoring === "lost" || !member.present;

/** The moments of a session that are marked, as the timeline takes them. */
export const momentsOf = (marks, sessionId) =>
  marks.filter((mark) => sessionId !== null && mark.session_id === sessionId && mark.t_s !== null).map((mark) => ({ t: mark.t_s }));

/** The most important words of a run, while there is no number: `{title, hint}`; who leads it goes on themselves. */
export function standingWords(run, live, leads = false) {
  if (run.state === "paused") return { title: t("call.paused.title"), hint: t(leads ? "call.paused.hint_coach" : "call.paused.hint") };
  if (run.state === "starting") return { title: t("call.starting.title"), hint: t("call.starting.hint") };
  return waitingWords(live.state === "scoring" ? "warming_up" : live.state, live.gap);
}

/**
 * Where in the reference the person is: `{share, words}`, share 0 to 1 or null where there is no end to go to; null
 * where nothing is known. `durationS` is the clip's part, null for a demonstration, of which only the lag is known.
 */
export function positionOf({ referenceS, lagS }, durationS) {
  if (durationS === null) {
    const words = lagWords(lagS);
    return words === null ? null : { share: null, words };
  }
  if (referenceS === null || durationS === 0) return null;
  const atS = Math.max(0, Math.min(durationS, referenceS));
  return {
    share: atS / durationS,
    words: t("call.position", { at: decimal(atS, 1), of: decimal(durationS, 1) }),
  };
}

/** What is known of the coach's own movement as the reference. */
export function demonstrationWords(liveReference, reference) {
  if (liveReference === "off") return t("call.reference.off");
  if (liveReference === "connecting") return t("call.reference.connecting");
  if (reference === null) return t("call.reference.watching");
  if (reference.kind === "hold") return t("call.reference.hold");
  if (reference.cycle_s === null) return t("call.reference.routine");
  return t("call.reference.repetitions", { seconds: decimal(reference.cycle_s, 1) });
}
