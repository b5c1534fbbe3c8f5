/** What a coach plans for a member: which exercises, how much, on which days. */
import { addAssignment, changeAssignment, listAssignments, listExercises, removeAssignment } from "../api.js";
import { WEEKDAYS, dayWords, weekdayName, weekdaysWords } from "../days.js";
import { LARGEST_TARGET } from "../exercise-draft.js";
import { KINDS, aimWords } from "../exercise-words.js";
import { capital, t } from "../i18n.js";
import { Loaded, useLoaded } from "../loading.js";
import { localDay } from "../plan.js";
import { html, useId, useState } from "../preact.js";
import { Confirm, Dialog } from "./dialog.js";
import { Field, Form } from "./form.js";
import { Icon } from "./icons.js";
import { Notice } from "./notice.js";
import { Select } from "./select.js";

export function MemberPlan({ memberId }) {
  const plan = useLoaded((signal) => listAssignments(memberId, signal), [memberId]);
  const [editing, setEditing] = useState(null); // an assignment, or "new"
  const [removing, setRemoving] = useState(null);
  const [error, setError] = useState(null);
  const remove = async () => {
    setRemoving(null);
    setError(null);
    try {
      await removeAssignment(removing.id);
      plan.reload();
    } catch (failure) {
      setError(failure.message);
    }
  };
  const save = async (assignment) => {
    if (editing === "new") await addAssignment(memberId, assignment);
    else await changeAssignment(editing.id, assignment);
    setEditing(null);
    plan.reload();
  };
  return html`<section class="panel member-plan" aria-labelledby="plan">
    <div class="member-plan-head">
      <h2 id="plan">${t("plan.title")}</h2>
      <button class="button small" onClick=${() => setEditing("new")}>${t("plan.add")}</button>
    </div>
    ${error !== null && html`<${Notice} text=${error} />`}
    <${Loaded} loaded=${plan}>
      ${(assignments) =>
        assignments.length === 0
          ? html`<p class="muted">${t("plan.empty")}</p>`
          : html`<ul class="lines">
              ${assignments.map(
                (assignment) => html`<${Line}
                  key=${assignment.id}
                  assignment=${assignment}
                  onEdit=${() => setEditing(assignment)}
                  onRemove=${() => setRemoving(assignment)}
                />`,
              )}
            </ul>`}
    <//>
    ${editing !== null &&
    html`<${Edit} assignment=${editing === "new" ? null : editing} onSave=${save} onClose=${() => setEditing(null)} />`}
    ${removing !== null &&
    html`<${Confirm}
      title=${t("plan.remove_title", { name: removing.exercise.name })}
      text=${t("plan.remove_text")}
      action=${t("plan.remove")}
      onConfirm=${remove}
      onClose=${() => setRemoving(null)}
    />`}
  </section>`;
}

function Line({ assignment: { exercise, target, note, weekdays, starts_on: from, ends_on: until }, onEdit, onRemove }) {
  const { name } = exercise;
  const says = [
    target === null ? null : aimWords({ kind: exercise.kind, target }),
    weekdaysWords(weekdays),
    from > localDay() ? t("plan.from_day", { day: dayWords(from) }) : null,
    until === null ? null : t(until < localDay() ? "plan.over" : "plan.until_day", { day: dayWords(until) }),
  ];
  return html`<li>
    <span>
      <strong>${name}</strong>
      <span class="assignment-says muted">${capital(says.filter((words) => words !== null).join(" · "))}</span>
      ${note !== "" && html`<span class="assignment-note">${note}</span>`}
    </span>
    <span class="actions">
      <button class="icon-button" onClick=${onEdit} aria-label=${t("plan.edit_one", { name })} title=${t("plan.edit")}>
        <${Icon} name="edit" />
      </button>
      <button class="icon-button" onClick=${onRemove} aria-label=${t("plan.remove_one", { name })} title=${t("plan.remove")}>
        <${Icon} name="trash" />
      </button>
    </span>
  </li>`;
}

/** `assignment` null: a new one, whose exercise is still to be chosen. */
function Edit({ assignment, onSave, onClose }) {
  const [weekdays, setWeekdays] = useState(assignment?.weekdays ?? WEEKDAYS);
  const exercises = useLoaded(async (signal) => (await listExercises(signal)).filter(plannable));
  const [exerciseId, setExerciseId] = useState(null);
  const save = (form) => {
    const target = form.get("target");
    const changes = {
      target: target === "" ? null : Number(target),
      note: form.get("note").trim(),
      weekdays,
      starts_on: form.get("starts_on"),
      ends_on: form.get("ends_on") || null,
    };
    return onSave(assignment === null ? { ...changes, exercise_id: form.get("exercise") } : changes);
  };
  const title = assignment === null ? t("plan.add") : assignment.exercise.name;
  return html`<${Dialog} title=${title} onClose=${onClose}>
    <${Loaded} loaded=${exercises}>
      ${(found) => {
        if (assignment === null && found.length === 0) return html`<p>${t("plan.no_exercises")}</p>`;
        const chosen = assignment?.exercise ?? found.find(({ id }) => id === exerciseId) ?? found[0];
        return html`<${Form} action=${t("plan.save")} cancel=${t("action.cancel")} onCancel=${onClose} onSubmit=${save}>
          ${assignment === null &&
          html`<${ExerciseField} exercises=${found} chosen=${chosen} onChoose=${setExerciseId} />`}
          <${Field}
            label=${t(KINDS.find(({ key }) => key === chosen.kind).target)}
            hint=${t("plan.target_hint")}
            name="target"
            type="number"
            inputmode="numeric"
            min="1"
            max=${LARGEST_TARGET}
            defaultValue=${assignment?.target ?? ""}
          />
          <${WeekdayField} chosen=${weekdays} onChoose=${setWeekdays} />
          <div class="assignment-dates">
            <${Field}
              label=${t("plan.from")}
              name="starts_on"
              type="date"
              required
              defaultValue=${assignment?.starts_on ?? localDay()}
            />
            <${Field} label=${t("plan.until")} name="ends_on" type="date" defaultValue=${assignment?.ends_on ?? ""} />
          </div>
          <${NoteField} note=${assignment?.note ?? ""} />
        <//>`;
      }}
    <//>
  <//>`;
}

/** One's own, or one that everyone may see: another coach's can't be handed on. */
const plannable = ({ mine, visibility, state }) => state !== "failed" && (mine || visibility === "everyone");

function ExerciseField({ exercises, chosen, onChoose }) {
  const id = useId();
  return html`<div class="field">
    <label for=${id}>${t("filter.exercise")}</label>
    <${Select}
      id=${id}
      name="exercise"
      value=${chosen.id}
      onChange=${({ currentTarget }) => onChoose(currentTarget.value)}
      autofocus
    >
      ${exercises.map((exercise) => html`<option key=${exercise.id} value=${exercise.id}>${exercise.name}</option>`)}
    <//>
  </div>`;
}

function WeekdayField({ chosen, onChoose }) {
  const toggle = (weekday) => {
    const next = chosen.includes(weekday) ? chosen.filter((each) => each !== weekday) : [...chosen, weekday].sort();
    if (next.length > 0) onChoose(next); // a plan for no day is none
  };
  return html`<fieldset class="weekdays">
    <legend>${t("plan.days")}</legend>
    ${WEEKDAYS.map(
      (weekday) => html`<button
        type="button"
        key=${weekday}
        class="weekday toggle"
        aria-pressed=${chosen.includes(weekday) ? "true" : "false"}
        title=${weekdayName(weekday, "long")}
        onClick=${() => toggle(weekday)}
      >
        ${weekdayName(weekday, "short")}
      </button>`,
    )}
  </fieldset>`;
}

function NoteField({ note }) {
  const id = useId();
  return html`<div class="field">
    <label for=${id}>${t("plan.note")}</label>
    <textarea id=${id} name="note" maxlength="500" rows="3" defaultValue=${note}></textarea>
  </div>`;
}
