/** How good the line between the two is: a word with bars, and what was measured. */
import { qualityWords } from "../call-words.js";
import { t } from "../i18n.js";
import { html } from "../preact.js";

const BARS = { good: 3, fair: 2, poor: 1, none: 0 };

/** Of the browser's states those that mean that pictures do not come. */
const BROKEN = ["disconnected", "failed", "connecting", "new"];

export function Quality({ quality, peerState, status }) {
  const broken = status !== "connected" || (peerState !== null && BROKEN.includes(peerState));
  const level = broken || quality === null ? "none" : quality.level;
  const { word, facts } =
    level === "none"
      ? { word: t(broken ? "call.quality.connecting" : "call.quality.unknown"), facts: [] }
      : qualityWords(quality);
  return html`<div class=${`call-quality ${level}`}>
    <span class="call-bars" aria-hidden="true">${[1, 2, 3].map((each) => html`<i key=${each} class=${each <= BARS[level] ? "on" : undefined}></i>`)}</span>
    <span role="status"><span class="visually-hidden">${t("call.quality.label")} </span><strong>${word}</strong></span>
    <span class="call-facts number">${facts.map((each) => html`<span key=${each} class="part">${each}</span>`)}</span>
  </div>`;
}
