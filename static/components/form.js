/** A form that sends something to the server: busy while it does, and what went wrong. */
import { html, useId, useState } from "../preact.js";
import { Notice } from "./notice.js";

/** `{busy, error, submit}` of a form: `onSubmit` gets its `FormData` and may be async; what it throws is the error. */
export function useSubmit(onSubmit) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState(null);
  const submit = async (event) => {
    event.preventDefault();
    const form = event.currentTarget;
    setBusy(true);
    setError(null);
    try {
      await onSubmit(new FormData(form));
      if (form.isConnected) form.reset();
    } catch (failure) {
      setError(failure.message);
    }
    setBusy(false);
  };
  return { busy, error, submit };
}

/**
 * `onSubmit` as for `useSubmit`; what went wrong is shown. `action` is the button's text. With `onCancel`, `cancel` is
 * the text of a button before it.
 */
export function Form({ action, danger = false, cancel = null, onCancel = null, onSubmit, children }) {
  const { busy, error, submit } = useSubmit(onSubmit);
  return html`<form class="form" onSubmit=${submit}>
    ${children}
    ${error !== null && html`<${Notice} text=${error} />`}
    <div class="actions">
      ${onCancel && html`<button type="button" class="button quiet" onClick=${onCancel}>${cancel}</button>`}
      <button class=${`button ${danger ? "danger" : "primary"}`} disabled=${busy}>${action}</button>
    </div>
  </form>`;
}

/** A text to give, with its name above and `hint` below; the rest goes to the `<input>`. */
export function Field({ label, hint = null, ...rest }) {
  const id = useId();
  return html`<div class="field">
    <label for=${id}>${label}</label>
    <input id=${id} aria-describedby=${hint ? `${id}-hint` : undefined} ...${rest} />
    ${hint && html`<small id=${`${id}-hint`} class="muted">${hint}</small>`}
  </div>`;
}
