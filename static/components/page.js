/** What every view is made of: its part of the page, and its head. */
import { html } from "../preact.js";
import { Icon } from "./icons.js";

/** The page's one `<main>`, where the skip link leads. `kind` is its class. */
export function Page({ kind = "page", children, ...rest }) {
  return html`<main id="content" tabindex="-1" class=${kind} ...${rest}>${children}</main>`;
}

/**
 * The title of a view with what belongs to it: `back` is `{href, text}` or null, `says` a line below the title,
 * `children` the buttons beside it.
 */
export function PageHead({ title, says = null, back = null, children = null }) {
  return html`<div class="page-head">
    <div>
      ${back && html`<a class="back" href=${back.href}><${Icon} name="back" />${back.text}</a>`}
      <h1>${title}</h1>
      ${says && html`<p class="muted">${says}</p>`}
    </div>
    ${children && html`<div class="actions">${children}</div>`}
  </div>`;
}

/** While a view waits for the server. */
export function Waiting({ text }) {
  return html`<p class="muted" role="status">${text}</p>`;
}
