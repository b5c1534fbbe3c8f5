/** A modal dialog: the browser's own, which keeps the focus inside and gives it back. */
import { html, useEffect, useId, useRef } from "../preact.js";

/** `onClose` null: it can't be dismissed, only answered. */
export function Dialog({ title, onClose = null, children }) {
  const dialog = useRef(null);
  const titleId = useId();
  useEffect(() => {
    const element = dialog.current;
    element.showModal();
    return () => element.close();
  }, []);
  const cancel = (event) => {
    event.preventDefault();
    onClose?.();
  };
  // Browsers close on a second Escape whatever `cancel` says.
  const reopen = ({ currentTarget }) => {
    if (onClose === null && currentTarget.isConnected) currentTarget.showModal();
  };
  return html`<dialog
    ref=${dialog}
    class="dialog"
    aria-labelledby=${titleId}
    onCancel=${cancel}
    onClose=${reopen}
  >
    <h2 id=${titleId}>${title}</h2>
    ${children}
  </dialog>`;
}

/** Asks before something that can't be undone. */
export function Confirm({ title, text, action, onConfirm, onClose }) {
  return html`<${Dialog} title=${title} onClose=${onClose}>
    <p>${text}</p>
    <div class="actions">
      <button class="button quiet" onClick=${onClose} autofocus>Keep</button>
      <button class="button danger" onClick=${onConfirm}>${action}</button>
    </div>
  <//>`;
}
