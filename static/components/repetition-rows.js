/** Every repetition of a session that is over, with what differed and what was told. */
import { capital, t } from "../i18n.js";
import { html, useState } from "../preact.js";
import { clock, cueWords, differenceWords, rangeOfWords, scoreLevel, tempoWords } from "../words.js";
import { Icon } from "./icons.js";

/** Shown at first, and with each further touch. */
const AT_ONCE = 12;
const MORE = 100;

/** `reps` as `cuesByRepetition` gives them. */
export function RepetitionRows({ reps }) {
  const [shown, setShown] = useState(AT_ONCE);
  const left = reps.length - shown;
  return html`<ol class="rep-rows">
      ${reps.slice(0, shown).map((rep) => html`<${Row} key=${rep.number} rep=${rep} />`)}
    </ol>
    ${left > 0 &&
    html`<div class="actions centred">
      <button class="button" onClick=${() => setShown(shown + MORE)}>
        ${t("summary.more_reps", { count: Math.min(left, MORE) })}
      </button>
    </div>`}`;
}

function Row({ rep: { number, start_s: startS, valid, score, range, tempo, differences, cues } }) {
  return html`<li class=${valid ? "rep-row" : "rep-row attempt"}>
    <span class="rep-row-number number">${number}</span>
    <span class=${`rep-row-score number ${scoreLevel(score)}`}>
      ${score === null ? html`<${Icon} name="poor" />` : html`<${Icon} name=${scoreLevel(score)} />${Math.round(score)}`}
    </span>
    <div class="rep-row-words">
      <p>
        ${[valid ? null : t("report.attempt"), rangeOfWords(range), valid ? tempoWords(tempo) : null]
          .filter((each) => each !== null)
          .map((words, at) => (at === 0 ? capital(words) : html`<span class="muted" key=${at}> · ${words}</span>`))}
      </p>
      ${differences.map((difference) => html`<p class="muted" key=${difference.part}>${differenceWords(difference)}</p>`)}
      ${cues.map(
        (cue) => html`<p class=${`rep-row-cue ${cue.praise ? "praise" : ""}`} key=${cue.t_s}>
          <${Icon} name=${cue.praise ? "good" : "voice"} />${t("summary.said", { text: cueWords(cue) })}
        </p>`,
      )}
    </div>
    <span class="number muted">${clock(startS)}</span>
  </li>`;
}
