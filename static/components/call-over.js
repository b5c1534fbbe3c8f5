/** After a call: why it is over, and where what was done is kept. */
import { canComeBack, overWords } from "../call-words.js";
import { t } from "../i18n.js";
import { html } from "../preact.js";
import { address } from "../routes.js";
import { Icon } from "./icons.js";
import { Page } from "./page.js";

/** `reason` as of the call's hook; `error` is the server's sentence where it refused. */
export function CallOver({ id, reason, error = null, onRetry }) {
  const { title, text } = overWords(reason);
  return html`<${Page} kind="page call-over">
    <div class="empty">
      <span class="call-over-mark" aria-hidden="true"><${Icon} name=${reason === "ended" ? "good" : "hangUp"} /></span>
      <h1>${title}</h1>
      <p role="status">${error ?? text}</p>
      <div class="actions">
        ${canComeBack(reason) && html`<button class="button primary" onClick=${onRetry}><${Icon} name="again" />${t("call.again")}</button>`}
        ${reason === "ended" &&
        html`<a class="button primary" href=${address("callRecord", { id })}><${Icon} name="history" />${t("call.record")}</a>`}
        <a class="button" href=${address("calls")}>${t("call.back")}</a>
      </div>
    </div>
  <//>`;
}
