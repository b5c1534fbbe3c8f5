/** A bar that fills. `share` 0 to 1; null while nobody knows. */
import { html } from "../preact.js";
import { percent } from "../words.js";

export function Progress({ label, share }) {
  const known = share !== null;
  return html`<div class="progress">
    <div class="progress-words">
      <span>${label}</span>
      ${known && html`<span class="number">${percent(share)}</span>`}
    </div>
    <div
      class=${known ? "track" : "track unknown"}
      role="progressbar"
      aria-label=${label}
      aria-valuemin="0"
      aria-valuemax="100"
      aria-valuenow=${known ? Math.floor(share * 100) : undefined}
    >
      <div class="fill" style=${{ width: `${known ? share * 100 : 30}%` }}></div>
    </div>
  </div>`;
}
