/** A link that is shown this once: the server keeps only what recognises it. */
import { t } from "../i18n.js";
import { html, useId, useState } from "../preact.js";

/** `says` is for whom it is and what it is good for. */
export function OneTimeLink({ link, says, onClose }) {
  const id = useId();
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(link);
      setCopied(true);
    } catch {
      document.getElementById(id).select(); // not a secure page: by hand, then
    }
  };
  return html`<p>${says}</p>
    <div class="field">
      <label for=${id}>${t("invite.made.link")}</label>
      <input id=${id} value=${link} readonly onFocus=${({ currentTarget }) => currentTarget.select()} />
    </div>
    <p role="status">${copied ? t("invite.made.copied") : ""}</p>
    <div class="actions">
      <button class="button quiet" onClick=${onClose}>${t("action.done")}</button>
      <button class="button primary" onClick=${copy} autofocus>${t("invite.made.copy")}</button>
    </div>`;
}
