/** Which exercise's sessions are shown. */
import { t } from "../i18n.js";
import { html, useId } from "../preact.js";
import { Select } from "./select.js";

/** `exercises` as `/v1/progress` tells them; `chosen` is an id, or null for all of them. */
export function ExerciseFilter({ exercises, chosen, onChoose }) {
  const id = useId();
  const kept = exercises.filter(({ exercise_id: each }) => each !== null); // a deleted one can't be asked for
  if (kept.length < 2 && chosen === null) return null;
  return html`<div class="filter">
    <label for=${id}>${t("filter.exercise")}</label>
    <${Select} id=${id} value=${chosen ?? ""} onChange=${({ currentTarget }) => onChoose(currentTarget.value || null)}>
      <option value="">${t("filter.all")}</option>
      ${kept.map(({ exercise_id: each, name }) => html`<option key=${each} value=${each}>${name}</option>`)}
    <//>
  </div>`;
}
