/** What a coach adds to the record of a call: a corrected count, a mark. */
import { addMark, correctRepetitions } from "../api.js";
import { TIME_PATTERN, secondsOf } from "../call-record.js";
import { t } from "../i18n.js";
import { html, useId, useState } from "../preact.js";
import { correctedOf, repetitionsOf } from "../session-record.js";
import { timeOfDay } from "../words.js";
import { Dialog } from "./dialog.js";
import { Field, Form } from "./form.js";
import { Notice } from "./notice.js";
import { Select } from "./select.js";

/** The largest count that the server takes. */
const MOST_REPETITIONS = 9999;

export function CorrectCount({ callId, session, onDone, onClose }) {
  const [error, setError] = useState(null);
  const correct = async (repetitions) => {
    await correctRepetitions(callId, session.id, repetitions);
    onClose();
    onDone();
  };
  const undo = () => correct(null).catch((failure) => setError(failure.message));
  const counted = session.summary.repetitions ?? 0;
  return html`<${Dialog} title=${t("call_record.correct_title", { name: session.exercise_name })} onClose=${onClose}>
    ${error !== null && html`<${Notice} text=${error} />`}
    <${Form}
      action=${t("calls.save")}
      cancel=${t("action.cancel")}
      onCancel=${onClose}
      onSubmit=${(form) => correct(Number(form.get("repetitions")))}
    >
      <${Field}
        label=${t("reps.label")}
        hint=${t("call_record.counted", { count: counted })}
        name="repetitions"
        type="number"
        inputmode="numeric"
        min="0"
        max=${MOST_REPETITIONS}
        step="1"
        required
        autofocus
        class="short-input"
        defaultValue=${repetitionsOf(session)}
      />
    <//>
    ${correctedOf(session) !== null &&
    html`<button class="button quiet" onClick=${undo}>${t("call_record.uncorrect")}</button>`}
  <//>`;
}

export function AddMark({ callId, sessions, onDone, onClose }) {
  const id = useId();
  const [sessionId, setSessionId] = useState("");
  const add = async (form) => {
    const time = form.get("time"); // asked for with a session alone
    await addMark(callId, {
      note: form.get("note").trim(),
      session_id: sessionId || null,
      t_s: time === null ? null : secondsOf(time),
    });
    onClose();
    onDone();
  };
  return html`<${Dialog} title=${t("call_record.mark.add")} onClose=${onClose}>
    <${Form} action=${t("calls.save")} cancel=${t("action.cancel")} onCancel=${onClose} onSubmit=${add}>
      <${Field} label=${t("call_record.mark.note")} name="note" maxlength="500" pattern=".*\\S.*" autocomplete="off" required autofocus />
      ${sessions.length > 0 &&
      html`<div class="field">
        <label for=${id}>${t("call_record.mark.where")}</label>
        <${Select} id=${id} value=${sessionId} onChange=${({ currentTarget }) => setSessionId(currentTarget.value)}>
          <option value="">${t("call_record.mark.whole")}</option>
          ${sessions.map(
            ({ id: each, exercise_name: name, started_at: started, created_at: created }) =>
              html`<option key=${each} value=${each}>${`${name}, ${timeOfDay(started ?? created)}`}</option>`,
          )}
        <//>
      </div>`}
      ${sessionId !== "" &&
      html`<${Field}
        label=${t("call_record.mark.time")}
        hint=${t("call_record.mark.time_hint")}
        name="time"
        pattern=${TIME_PATTERN}
        inputmode="text"
        autocomplete="off"
        class="short-input"
      />`}
    <//>
  <//>`;
}
