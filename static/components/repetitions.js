/** Repetitions as they are done: how many, and how each was. */
import { t } from "../i18n.js";
import { html } from "../preact.js";
import {
  attemptsWords,
  differenceWords,
  heldWords,
  rangeWords,
  repetitionsWord,
  scoreLevel,
  tempoWords,
} from "../words.js";
import { Icon } from "./icons.js";

/** Newest first; more would not fit beside the score. */
const LISTED = 4;

/** The count, to be read from afar; for a posture that is held, for how long. */
export function RepetitionCount({ live }) {
  const held = live.heldS === null ? null : heldWords(live.heldS);
  const number = held?.number ?? String(live.repetitions);
  const unit = held?.unit ?? repetitionsWord(live.repetitions);
  const attempts = attemptsWords(live.attempts);
  return html`<section class="count" aria-label=${t(held === null ? "reps.label" : "held.label")}>
    <span class=${`count-number number ${number.length > 2 ? "long" : ""}`}>${number}</span>
    <span class="count-words">
      <strong>${unit}</strong>${attempts !== null && html` <span class="muted">${attempts}</span>`}
    </span>
  </section>`;
}

/** The last repetitions, each in a row, and what differed in the newest. */
export function RepetitionList({ live }) {
  const rows = live.reps.slice(-LISTED).reverse();
  const difference = live.reps.at(-1)?.differences[0];
  return html`<section class="reps" aria-label=${t("reps.last")}>
    ${rows.length === 0 &&
    html`<p class="muted">${t(live.heldS === null ? "reps.none" : "reps.hold")}</p>`}
    <ol>
      ${rows.map((rep) => html`<${Row} key=${rep.number} rep=${rep} />`)}
    </ol>
    ${difference !== undefined && html`<p class="muted">${differenceWords(difference)}</p>`}
  </section>`;
}

function Row({ rep }) {
  const { count, valid, score, range, tempo } = rep;
  return html`<li class=${valid ? "rep" : "rep attempt"}>
    <span class="rep-number number">${valid ? count : html`<${Icon} name="poor" />`}</span>
    <span class=${`rep-score number ${scoreLevel(score)}`}>
      ${score === null ? "–" : html`<${Icon} name=${scoreLevel(score)} />${Math.round(score)}`}
    </span>
    <span class="rep-range" aria-hidden="true"><span style=${{ width: `${Math.min(1, range) * 100}%` }}></span></span>
    <span class="rep-words">
      ${valid ? rangeWords(range) : t("reps.attempt", { range: rangeWords(range) })}${" "}
      ${valid && html`<span class="muted">${tempoWords(tempo)}</span>`}
    </span>
  </li>`;
}
