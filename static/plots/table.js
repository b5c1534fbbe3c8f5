/** The values of a plot as a table, for those who can't see it or want the numbers. */
import { t } from "../i18n.js";
import { html } from "../preact.js";

/** `rows` are lists of texts and numbers in the order of `columns`; the first of each names its row. */
export function PlotTable({ caption, columns, rows, more = null }) {
  return html`<details class="plot-table">
    <summary>${t("plot.table")}</summary>
    <div class="plot-scroll" role="region" aria-label=${caption} tabindex="0">
      <table class="number">
        <caption class="visually-hidden">${caption}</caption>
        <thead>
          <tr>${columns.map((column) => html`<th key=${column} scope="col">${column}</th>`)}</tr>
        </thead>
        <tbody>
          ${rows.map(
            ([name, ...values], row) => html`<tr key=${row}>
              <th scope="row">${name}</th>
              ${values.map((value, column) => html`<td key=${column}>${value}</td>`)}
            </tr>`,
          )}
        </tbody>
      </table>
    </div>
    ${more !== null && html`<p class="muted">${more}</p>`}
  </details>`;
}
