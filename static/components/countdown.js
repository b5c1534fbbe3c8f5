/** Counts down to zero in numerals that can be read from afar. */
import { html, useEffect, useRef, useState } from "../preact.js";

/** `onTick`, when given, gets the seconds that are left each time they change. */
export function Countdown({ seconds, words, onTick = null, onZero }) {
  const [left, setLeft] = useState(seconds);
  const latest = useRef(null);
  latest.current = { onTick, onZero };
  useEffect(() => {
    latest.current.onTick?.(left);
    if (left === 0) {
      latest.current.onZero();
      return undefined;
    }
    const timer = setTimeout(() => setLeft(left - 1), 1000);
    return () => clearTimeout(timer);
  }, [left]);
  if (left === 0) return null;
  return html`<div class="countdown" role="timer" aria-live="assertive">
    <span class="countdown-number number" key=${left}>${left}</span>
    <span class="countdown-words">${words}</span>
  </div>`;
}
