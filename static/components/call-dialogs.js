/** What a coach is asked when a call is made or changed. */
import { changeCall, createCall } from "../api.js";
import { expiryWords, localTime, timestampOf } from "../calls.js";
import { t } from "../i18n.js";
import { html, useId, useState } from "../preact.js";
import { Dialog } from "./dialog.js";
import { Field, Form } from "./form.js";
import { OneTimeLink } from "./one-time-link.js";
import { Select } from "./select.js";

/** Days for which a link may be good, and the ones to begin with. */
const LASTS_DAYS = [1, 3, 7, 14, 30];
const USUAL_DAYS = 7;

/** Make a call, then show its link, which the server tells this once. `onMade` is called between the two. */
export function MakeCall({ onMade, onClose }) {
  const [made, setMade] = useState(null);
  const make = async (form) => {
    const startsAt = timestampOf(form.get("starts_at"));
    setMade(await createCall(form.get("title").trim(), startsAt, Number(form.get("days"))));
    onMade();
  };
  return html`<${Dialog} title=${t(made === null ? "calls.make" : "calls.made.title")} onClose=${onClose}>
    ${made === null
      ? html`<${Form} action=${t("calls.make.submit")} cancel=${t("action.cancel")} onCancel=${onClose} onSubmit=${make}>
          <${AppointmentFields} />
          <${LifetimeField} />
        <//>`
      : html`<${OneTimeLink}
          link=${new URL(made.url, window.location.href).href}
          says=${t("calls.made.says", { when: expiryWords(made.call) })}
          onClose=${onClose}
        />`}
  <//>`;
}

export function ChangeCall({ call, onChanged, onClose }) {
  const save = async (form) => {
    await changeCall(call.id, { title: form.get("title").trim(), starts_at: timestampOf(form.get("starts_at")) });
    onClose();
    onChanged();
  };
  return html`<${Dialog} title=${t("calls.change")} onClose=${onClose}>
    <${Form} action=${t("calls.save")} cancel=${t("action.cancel")} onCancel=${onClose} onSubmit=${save}>
      <${AppointmentFields} title=${call.title} startsAt=${call.starts_at} />
    <//>
  <//>`;
}

function AppointmentFields({ title = "", startsAt = null }) {
  return html`<${Field}
      label=${t("calls.field.title")}
      hint=${t("calls.field.title_hint")}
      name="title"
      maxlength="80"
      pattern=".*\\S.*"
      autocomplete="off"
      required
      autofocus
      defaultValue=${title}
    />
    <${Field}
      label=${t("calls.field.when")}
      hint=${t("calls.field.when_hint")}
      name="starts_at"
      type="datetime-local"
      defaultValue=${localTime(startsAt)}
    />`;
}

function LifetimeField() {
  const id = useId();
  return html`<div class="field">
    <label for=${id}>${t("calls.field.lasts")}</label>
    <${Select} id=${id} name="days" value=${USUAL_DAYS}>
      ${LASTS_DAYS.map((count) => html`<option key=${count} value=${count}>${t("calls.field.days", { count })}</option>`)}
    <//>
  </div>`;
}
