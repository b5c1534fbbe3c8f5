/** Scores as a person reads them: number, word, symbol and bar, never colour alone. */
import { t } from "../i18n.js";
import { html } from "../preact.js";
import { COMPONENTS, scoreLevel, scoreWord } from "../words.js";
import { Icon } from "./icons.js";

/** The word for a score, with its symbol. */
export function ScoreWord({ score }) {
  const level = scoreLevel(score);
  return html`<span class=${`score-word ${level}`}>
    <${Icon} name=${level === "none" ? "wait" : level} />${scoreWord(score)}
  </span>`;
}

/** A bar 0 to 100 with marks where the word changes. */
export function ScoreBar({ score }) {
  return html`<div class=${`score-bar ${scoreLevel(score)}`} aria-hidden="true">
    <div class="fill" style=${{ transform: `scaleX(${(score ?? 0) / 100})` }}></div>
    <span class="mark close"></span><span class="mark sync"></span>
  </div>`;
}

/** A round gauge with the number in it, for a result. */
export function ScoreRing({ score }) {
  const turn = 2 * Math.PI * 54;
  return html`<div class=${`score-ring ${scoreLevel(score)}`}>
    <svg viewBox="0 0 120 120" aria-hidden="true" focusable="false">
      <circle class="rail" cx="60" cy="60" r="54" />
      <circle
        class="value"
        cx="60"
        cy="60"
        r="54"
        stroke-dasharray=${`${turn} ${turn}`}
        stroke-dashoffset=${turn * (1 - (score ?? 0) / 100)}
      />
    </svg>
    <span class="number">${score === null ? "–" : Math.round(score)}</span>
  </div>`;
}

/** Movement, timing and range as bars; dashes when there are none. */
export function ComponentBars({ components, explain = false }) {
  return html`<dl class="components">
    ${COMPONENTS.map(({ key, name, says }) => {
      const share = components?.[key] ?? null;
      return html`<div class="component" key=${key}>
        <dt>${t(name)}${explain && html`<small>${t(says)}</small>`}</dt>
        <dd class="number">${share === null ? "–" : Math.round(share * 100)}</dd>
        <div class="track" aria-hidden="true">
          <div class="fill" style=${{ transform: `scaleX(${share ?? 0})` }}></div>
        </div>
      </div>`;
    })}
  </dl>`;
}
