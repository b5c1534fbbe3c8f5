/** The mark of the product: one movement, and its echo. Drawn lines, no pictures of people. */
import { html } from "../preact.js";

/** Two figures in the same pose, the second a step behind. */
export function Figures() {
  return html`<svg class="figures" viewBox="0 0 360 320" aria-hidden="true" focusable="false">
    <g class="rings">
      <circle cx="180" cy="160" r="70" />
      <circle cx="180" cy="160" r="106" />
      <circle cx="180" cy="160" r="142" />
    </g>
    <g class="echo" transform="translate(38 0)">
      <circle cx="168" cy="74" r="17" />
      <path d="M168 98v74M168 112l-52-30M168 112l54-28M168 172l-46 38-4 58M168 172l38 36 32 56" />
    </g>
    <g class="lead">
      <circle cx="168" cy="74" r="17" />
      <path d="M168 98v74M168 112l-52-30M168 112l54-28M168 172l-46 38-4 58M168 172l38 36 32 56" />
    </g>
  </svg>`;
}

/** The name, with two arcs. */
export function Brand() {
  return html`<span class="brand">
    <svg viewBox="0 0 28.5 28" aria-hidden="true" focusable="false">
      <path class="echo" d="M11 25.5a12 12 0 1 1 14.5-14" />
      <path d="M15.5 21a6 6 0 1 1 5.5-9" />
      <circle cx="22.5" cy="22.5" r="3.2" />
    </svg>
    posesim
  </span>`;
}
