/** The document's prose: only `code` is marked in it. */
import { html } from "../preact.js";

/** @param {{text: string}} props */
export const Text = ({ text }) => html`<p class="text">${marked(text)}</p>`;

/** A text with what stands between backticks as code. */
export const marked = (text) =>
  text.split("`").map((part, index) => (index % 2 ? html`<code>${part}</code>` : part));
