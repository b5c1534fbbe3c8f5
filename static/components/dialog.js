/** A modal dialog: the browser's own, which keeps the focus inside. */
import { t } from "../i18n.js";
import { html, useEffect, useId, useRef } from "../preact.js";

/**
 * Opens the `<dialog>` of the ref while it is there. The focus goes back to where it was; when that has gone or can't
 * take it, to the heading of the view, so that nobody has to begin at the top of the page.
 */
export function useModal(dialog) {
  useEffect(() => {
    const element = dialog.current;
    const before = document.activeElement;
    element.showModal();
    return () => {
      element.close();
      requestAnimationFrame(() => {
        if (document.activeElement !== document.body) return;
        const place = before.isConnected && !before.disabled && before !== document.body ? before : null;
        (place ?? document.querySelector("main h1[tabindex]") ?? document.querySelector("main"))?.focus();
      });
    };
  }, []);
}

/** `onClose` null: it can't be dismissed, only answered. */
export function Dialog({ title, onClose = null, children }) {
  const dialog = useRef(null);
  const titleId = useId();
  useModal(dialog);
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
      <button class="button quiet" onClick=${onClose} autofocus>${t("action.keep")}</button>
      <button class="button danger" onClick=${onConfirm}>${action}</button>
    </div>
  <//>`;
}
