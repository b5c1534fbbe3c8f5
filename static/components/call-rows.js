/** Calls in rows: when, with whom, how far they have come, and what can be done with them. */
import { canEnter, otherName, stageOf, stageWords } from "../calls.js";
import { t } from "../i18n.js";
import { html } from "../preact.js";
import { address } from "../routes.js";
import { dayWord, timeOfDay } from "../words.js";
import { Icon } from "./icons.js";

/** `onChange` and `onCancel` get the call of the row whose button was pressed. */
export function CallRows({ calls, onChange, onCancel }) {
  return html`<ul class="rows">
    ${calls.map((call) => html`<${Row} key=${call.id} call=${call} onChange=${onChange} onCancel=${onCancel} />`)}
  </ul>`;
}

function Row({ call, onChange, onCancel }) {
  const { id, title, role, state } = call;
  const stage = stageOf(call);
  const name = otherName(call);
  const joined = state === "accepted" || state === "ended";
  const coach = role === "coach";
  return html`<li class="call-row">
    <${CallTime} call=${call} />
    <div class="row-words">
      ${joined
        ? html`<a href=${address("callRecord", { id })}><strong>${title}</strong></a>`
        : html`<strong>${title}</strong>`}
      <span class="row-parts muted">
        <span class="part">${name === null ? t("calls.nobody") : t("calls.with", { name })}</span>${" "}
        <span class=${`part call-stage ${stage}`}>${stageWords(call)}</span>
      </span>
    </div>
    <div class="actions">
      ${coach &&
      (state === "open" || state === "accepted") &&
      html`<button class="icon-button" onClick=${() => onChange(call)} aria-label=${t("calls.change_one", { title })} title=${t("calls.change")}>
        <${Icon} name="edit" />
      </button>`}
      ${state !== "ended" &&
      html`<button class="icon-button" onClick=${() => onCancel(call)} aria-label=${t("calls.cancel_one", { title })} title=${t("calls.cancel")}>
        <${Icon} name="trash" />
      </button>`}
      ${canEnter(call) && html`<${EnterCall} call=${call} />`}
    </div>
  </li>`;
}

/** The way into a call. */
export function EnterCall({ call: { id, title, role }, big = false }) {
  const coach = role === "coach";
  return html`<a
    class=${big ? "button primary big" : "button primary small"}
    href=${address("call", { id })}
    aria-label=${t(coach ? "calls.open_one" : "calls.join_one", { title })}
  >
    <${Icon} name="camera" />${t(coach ? "calls.open" : "calls.join")}
  </a>`;
}

/** When the two meet: a day and a time, one above the other. */
export function CallTime({ call: { starts_at: starts, ended_at: ended } }) {
  const at = starts ?? ended;
  if (at === null) return html`<span class="call-time muted">${t("calls.no_time")}</span>`;
  return html`<span class="call-time">
    <span class="muted">${dayWord(at)}</span>${" "}<strong class="number">${timeOfDay(at)}</strong>
  </span>`;
}
