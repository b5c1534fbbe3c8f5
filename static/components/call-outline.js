/** Where a person should stand in the picture, drawn over it. It does not look at the picture: the person does. */
import { html } from "../preact.js";

const BODY =
  "M60 6a14 14 0 0 1 0 28a14 14 0 0 1 0-28zM44 42h32q12 0 14 13l7 48q1 7-5 8t-7-5l-6-40v48l-2 100q0 8-8 8t-8-8l-2-88h-2l-2 88q0 8-8 8t-8-8l-2-100v-48l-6 40q-1 6-7 5t-5-8l7-48q2-13 14-13z";

/** `framed`: the person says that they are all in the picture. */
export function Outline({ framed }) {
  return html`<svg class=${framed ? "call-outline framed" : "call-outline"} viewBox="0 0 120 236" aria-hidden="true" focusable="false">
    <path class="rim" d=${BODY} />
    <path class="body" d=${BODY} />
    <path class="rim" d="M22 230h76" />
    <path class="floor" d="M22 230h76" />
  </svg>`;
}
