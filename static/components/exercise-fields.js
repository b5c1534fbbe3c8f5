/** What is asked of an exercise, wherever one is made or changed. */
import { LARGEST_TARGET } from "../exercise-draft.js";
import { KINDS } from "../exercise-words.js";
import { t } from "../i18n.js";
import { html, useId } from "../preact.js";
import { Field } from "./form.js";

/** The longest name that the server takes. */
const LONGEST_NAME = 80;

/** Of an exercise; `label` and `hint` stand above and below, the rest goes to the `<input>`. */
export function NameField({ value, onName, label = t("exercise.name"), hint = null, ...rest }) {
  return html`<${Field}
    label=${label}
    hint=${hint}
    name="name"
    maxlength=${LONGEST_NAME}
    pattern=".*\\S.*"
    autocomplete="off"
    required
    value=${value}
    onInput=${({ currentTarget }) => onName(currentTarget.value)}
    ...${rest}
  />`;
}

/** What is done with the exercise, and how much of it is aimed at. `target` is a text. */
export function AimFields({ kind, target, onKind, onTarget }) {
  const id = useId();
  const { says, target: label } = KINDS.find(({ key }) => key === kind);
  return html`<fieldset class="field" aria-describedby=${`${id}-says`}>
      <legend class="field-legend">${t("exercise.kind")}</legend>
      <div class="segments">
        ${KINDS.map(
          ({ key, name }) => html`<label key=${key}>
            <input type="radio" name=${`${id}-kind`} checked=${kind === key} onChange=${() => onKind(key)} />
            <span>${t(name)}</span>
          </label>`,
        )}
      </div>
      <small id=${`${id}-says`} class="muted">${t(says)}</small>
    </fieldset>
    <${Field}
      label=${t(label)}
      hint=${t("exercise.target_hint")}
      name="target"
      type="number"
      inputmode="numeric"
      min="1"
      max=${LARGEST_TARGET}
      step="1"
      class="short-input"
      value=${target}
      onInput=${({ currentTarget }) => onTarget(currentTarget.value)}
    />`;
}

/** Whether the clip is shown as its mirror image. */
export function MirroredField({ mirrored, onMirrored }) {
  return html`<label class="check explained">
    <input type="checkbox" checked=${mirrored} onChange=${({ currentTarget }) => onMirrored(currentTarget.checked)} />
    <span>${t("exercise.mirrored")} <small class="muted">${t("exercise.mirrored_says")}</small></span>
  </label>`;
}
