/** What has been done in the call so far. */
import { t } from "../i18n.js";
import { html } from "../preact.js";
import { repetitionsWord, scoreLevel, scoreWord } from "../words.js";
import { CountStepper } from "./call-score.js";

/** Newest first. With `onCorrect(sessionId, repetitions)` the counts can be changed. */
export function Runs({ results, onCorrect = null }) {
  if (results.length === 0) return html`<p class="muted">${t("call.runs.none")}</p>`;
  return html`<ul class="call-runs">
    ${results.toReversed().map((result) => {
      const count = result.corrected ?? result.repetitions;
      return html`<li key=${result.session_id}>
        <span class=${`call-run-score number ${scoreLevel(result.score)}`}>${result.score === null ? "–" : Math.round(result.score)}</span>
        <span class="call-run-name"><strong>${result.name}</strong> <span class="muted">${result.score === null ? t("call.runs.no_score") : scoreWord(result.score)}</span></span>
        ${onCorrect === null
          ? html`<span class="number">${count} <span class="muted">${repetitionsWord(count)}</span></span>`
          : html`<${CountStepper}
              count=${count}
              label=${t("call.runs.count", { name: result.name })}
              onCount=${(repetitions) => onCorrect(result.session_id, repetitions)}
            />`}
      </li>`;
    })}
  </ul>`;
}
