/** A coach's words about a call, which both read. */
import { changeCall } from "../api.js";
import { t } from "../i18n.js";
import { html, useState } from "../preact.js";
import { useUnsaved } from "../unsaved.js";
import { Dialog } from "./dialog.js";
import { Notice } from "./notice.js";

/** The longest notes that the server takes. */
const LONGEST = 2000;

/** `leaving`: what is unsaved is lost anyway. */
export function CallNotes({ call, leaving }) {
  return html`<section class="panel call-notes" aria-labelledby="notes">
    <h2 id="notes">${t("call_record.notes")}</h2>
    ${call.role === "coach"
      ? html`<${Edit} call=${call} leaving=${leaving} />`
      : call.notes === ""
        ? html`<p class="muted">${t("call_record.notes_none", { name: call.coach_name })}</p>`
        : html`<p class="call-notes-text">${call.notes}</p>`}
  </section>`;
}

function Edit({ call, leaving }) {
  const [saved, setSaved] = useState(call.notes); // as the server has them
  const [notes, setNotes] = useState(call.notes);
  const [busy, setBusy] = useState(false);
  const [told, setTold] = useState(false);
  const [error, setError] = useState(null);
  const changed = notes !== saved;
  const { to, stay, leave } = useUnsaved(changed && !leaving);
  const write = ({ currentTarget }) => {
    setNotes(currentTarget.value);
    setTold(false);
  };
  const save = async () => {
    setBusy(true);
    setError(null);
    try {
      const { notes: kept } = await changeCall(call.id, { notes });
      setSaved(kept);
      setNotes(kept);
      setTold(true);
    } catch (failure) {
      setError(failure.message);
    }
    setBusy(false);
  };
  return html`<div class="field">
      <textarea
        aria-labelledby="notes"
        aria-describedby="notes-says"
        maxlength=${LONGEST}
        rows="5"
        value=${notes}
        readonly=${busy}
        onInput=${write}
      ></textarea>
      <small id="notes-says" class="muted">
        ${call.member_name === null ? t("call_record.notes_both") : t("call_record.notes_says", { name: call.member_name })}
      </small>
    </div>
    ${error !== null && html`<${Notice} text=${error} />`}
    <div class="actions">
      <button class="button primary" onClick=${save} disabled=${busy || !changed}>${t("call_record.notes_save")}</button>
      <p role="status">${told ? t("call_record.notes_saved") : ""}</p>
    </div>
    ${to !== null &&
    html`<${Dialog} title=${t("exercise.leave_title")} onClose=${stay}>
      <p>${t("call_record.notes_unsaved")}</p>
      <div class="actions">
        <button class="button quiet" onClick=${() => leave()}>${t("exercise.discard")}</button>
        <button class="button primary" onClick=${stay} autofocus>${t("exercise.leave_stay")}</button>
      </div>
    <//>`}`;
}
