/** Something went wrong: what, and what to do. Read out at once. */
import { html } from "../preact.js";
import { Icon } from "./icons.js";

export function Notice({ text, action = null, onAction = null }) {
  return html`<div class="notice" role="alert">
    <${Icon} name="alert" />
    <p>${text}</p>
    ${action && html`<button class="button small" onClick=${onAction}>${action}</button>`}
  </div>`;
}
