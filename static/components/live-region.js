/** Tells a screen reader how a session goes, politely and not too often. */
import { makeAnnouncements } from "../announcements.js";
import { number, t } from "../i18n.js";
import { html, useEffect, useRef, useState } from "../preact.js";
import { cueWords, repWords, scoreLevel, scoreWord, stateWords } from "../words.js";

const EVERY_MS = 5_000;
const LOOK_MS = 500;

/** Points by which a score has to move to be told again while its word stays the same. */
const WORTH_TELLING = 10;

/** State, score, repetitions and cues of `live`; `aloud`: cues are said by the browser, and not twice. */
export function LiveRegion({ live, cue, aloud }) {
  const [words, setWords] = useState("");
  const announcements = useRef(null);
  announcements.current ??= makeAnnouncements(EVERY_MS);
  const told = useRef(null); // the score that was offered last

  useEffect(() => {
    const look = () => {
      const next = announcements.current.take(performance.now());
      if (next !== null) setWords(next);
    };
    look();
    const timer = setInterval(look, LOOK_MS);
    return () => clearInterval(timer);
  }, []);

  const { state, score } = live;
  useEffect(() => {
    if (state !== "scoring" || score === null) {
      told.current = null;
      announcements.current.offer("state", `${stateWords(state).title}.`);
      return;
    }
    const before = told.current;
    const same = before !== null && scoreLevel(before) === scoreLevel(score);
    if (same && Math.abs(before - score) < WORTH_TELLING) return;
    told.current = score;
    announcements.current.offer("state", t("score.spoken", { score: number(Math.round(score)), word: scoreWord(score) }));
  }, [state, score]);

  const rep = live.reps.at(-1);
  useEffect(() => {
    if (rep !== undefined) announcements.current.offer("rep", repWords(rep));
  }, [rep]);
  useEffect(() => {
    announcements.current.offer("cue", cue === null || aloud ? null : `${cueWords(cue)}.`);
  }, [cue, aloud]);

  return html`<p class="visually-hidden" aria-live="polite">${words}</p>`;
}
