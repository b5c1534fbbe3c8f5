/** What weeks came to, as plots and by exercise: of oneself, or of a member. */
import { MOST_WEEKS, getProgress } from "../api.js";
import { shortDay } from "../days.js";
import { number, t } from "../i18n.js";
import { Loaded, useLoaded } from "../loading.js";
import { WeekPlots } from "../plots/weeks.js";
import { html, useId, useState } from "../preact.js";
import { ExerciseFilter } from "./exercise-filter.js";
import { ScoreWord } from "./score-meter.js";
import { Select } from "./select.js";

const WEEKS = [12, 26, 52];

/** `memberId` null: one's own. `empty` is shown when nobody has trained at all; `heading` names the plots. */
export function ProgressView({ memberId, heading, empty }) {
  const [weeks, setWeeks] = useState(WEEKS[0]);
  const [exercise, setExercise] = useState(null);
  const ever = useLoaded((signal) => getProgress(memberId, MOST_WEEKS, null, signal), [memberId]);
  const shown = useLoaded((signal) => getProgress(memberId, weeks, exercise, signal), [memberId, weeks, exercise]);
  return html`<${Loaded} loaded=${ever}>
    ${({ exercises }) => {
      if (exercises.length === 0) return empty;
      return html`<div class="filters">
          <${PeriodFilter} chosen=${weeks} onChoose=${setWeeks} />
          <${ExerciseFilter} exercises=${exercises} chosen=${exercise} onChoose=${setExercise} />
        </div>
        <${Loaded} loaded=${shown}>
          ${(found) => html`<${WeekPlots} weeks=${found.weeks} heading=${heading} />
            ${found.exercises.length > 0 && html`<${Exercises} exercises=${found.exercises} heading=${heading} />`}`}
        <//>`;
    }}
  <//>`;
}

function PeriodFilter({ chosen, onChoose }) {
  const id = useId();
  return html`<div class="filter">
    <label for=${id}>${t("progress.period")}</label>
    <${Select} id=${id} value=${chosen} onChange=${({ currentTarget }) => onChoose(Number(currentTarget.value))}>
      ${WEEKS.map((count) => html`<option key=${count} value=${count}>${t("progress.last_weeks", { count })}</option>`)}
    <//>
  </div>`;
}

function Exercises({ exercises, heading }) {
  return html`<section class="panel exercises" aria-label=${t("progress.exercises")}>
    <${heading}>${t("progress.exercises")}<//>
    <div class="exercises-scroll">
      <table class="exercises-table">
        <thead>
          <tr>
            <th scope="col">${t("filter.exercise")}</th>
            <th scope="col">${t("progress.sessions")}</th>
            <th scope="col">${t("plot.mean")}</th>
            <th scope="col">${t("progress.last")}</th>
          </tr>
        </thead>
        <tbody>
          ${exercises.map(
            ({ exercise_id: id, name, sessions, mean_score: score, last_at: last }) => html`<tr key=${id ?? name}>
              <th scope="row">${name}</th>
              <td class="number">${number(sessions)}</td>
              <td class="number">
                ${score === null
                  ? "–"
                  : html`<span class="exercises-score">${Math.round(score)} <${ScoreWord} score=${score} /></span>`}
              </td>
              <td class="number">${shortDay(last)}</td>
            </tr>`,
          )}
        </tbody>
      </table>
    </div>
  </section>`;
}
