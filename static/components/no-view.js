/** What is shown in place of a view that can't be: under its name, where focus goes as in any view. */
import { t } from "../i18n.js";
import { html } from "../preact.js";
import { Notice } from "./notice.js";
import { Page, PageHead } from "./page.js";

function NoView({ title, text, onAgain }) {
  return html`<${Page}>
    <${PageHead} title=${title} />
    <${Notice} text=${text} action=${t("action.try_again")} onAction=${onAgain} />
  <//>`;
}

/** A view that failed. */
export function Broken({ title, onAgain }) {
  return html`<${NoView} title=${title} text=${t("page.broken")} onAgain=${onAgain} />`;
}

/** A view whose module did not come. Some browsers remember that for as long as the page is open. */
export function NotLoaded({ title }) {
  return html`<${NoView} title=${title} text=${t("page.not_loaded")} onAgain=${() => window.location.reload()} />`;
}
