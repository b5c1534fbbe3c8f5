/** The one thing to change now, in words that are read from afar, and aloud when that is wanted. */
import { html, useEffect, useState } from "../preact.js";
import { voice } from "../speech.js";
import { cueWords } from "../words.js";
import { Icon } from "./icons.js";

/** Long enough to read it after a repetition, short enough not to speak of the one before. */
const SHOWN_MS = 4_000;

/** `cue` until it has been shown long enough, then null. A newer one takes its place. */
export function useShownCue(cue) {
  const [over, setOver] = useState(null);
  useEffect(() => {
    if (cue === null) return undefined;
    const timer = setTimeout(() => setOver(cue), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [cue]);
  return cue === over ? null : cue;
}

/** Say each new cue while `on`. */
export function useSpokenCue(cue, on) {
  useEffect(() => {
    if (cue !== null && on) voice.say(cueWords(cue));
  }, [cue]);
  useEffect(() => (on ? voice.hush : undefined), [on]);
}

const ICONS = {
  lower: "down",
  higher: "up",
  further: "wider",
  slow_down: "slower",
  speed_up: "faster",
  keep_still: "pause",
  check: "alert",
};

export function Cue({ cue }) {
  const words = cueWords(cue);
  const long = words.length > 12 ? "long" : "";
  return html`<p class=${`cue ${cue.praise ? "praise" : ""} ${long}`} key=${cue.seq}>
    <${Icon} name=${cue.praise ? "good" : ICONS[cue.cue]} />${words}
  </p>`;
}
