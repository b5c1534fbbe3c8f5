/** How one's weeks develop. */
import { Figures } from "../components/figures.js";
import { Page, PageHead } from "../components/page.js";
import { ProgressView } from "../components/progress-view.js";
import { t } from "../i18n.js";
import { html } from "../preact.js";
import { address } from "../routes.js";

export function Progress() {
  return html`<${Page}>
    <${PageHead} title=${t("progress.title")} says=${t("progress.says")} />
    <${ProgressView} memberId=${null} heading="h2" empty=${html`<${Empty} />`} />
  <//>`;
}

function Empty() {
  return html`<section class="empty">
    <${Figures} />
    <h2>${t("progress.empty.title")}</h2>
    <p>${t("progress.empty.text")}</p>
    <div class="actions"><a class="button primary" href=${address("library")}>${t("history.empty.choose")}</a></div>
  </section>`;
}
