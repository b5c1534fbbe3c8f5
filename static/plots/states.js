/** How the times without a score look: each state has a name and a pattern, so that no colour has to tell them apart. */
import { keys, t } from "../i18n.js";
import { html } from "../preact.js";

const NAMES = keys({
  scoring: "plot.scored",
  warming_up: "report.state.warming_up",
  still: "report.state.still",
  lost: "report.state.lost",
  partial: "report.state.partial",
  several: "report.state.several",
  black: "report.state.black",
  frozen: "report.state.frozen",
  no_person: "report.state.no_person",
  gap: "report.state.gap",
});

/** A state within a sentence; one of a newer server keeps its own name. */
export const stateName = (state) => (Object.hasOwn(NAMES, state) ? t(NAMES[state]) : state);

/** Tiles of 8 units; the report's patterns. What has none is left empty (`no_person`) or is full (`gap`), by the style. */
const TILES = {
  warming_up: html`<circle cx="2" cy="2" r="1" /><circle cx="6" cy="6" r="1" />`,
  still: html`<path d="M0 2h8M0 6h8" />`,
  lost: html`<path d="M-1 1 1-1M-1 9 9-1M7 9 9 7" />`,
  partial: html`<path d="M-1 7 1 9M-1-1 9 9M7-1 9 1" />`,
  several: html`<path d="M2 0v8M6 0v8" />`,
  black: html`<path d="M0 2h8M0 6h8M2 0v8M6 0v8" />`,
  frozen: html`<path d="M-1 1 1-1M-1 9 9-1M7 9 9 7M-1 7 1 9M-1-1 9 9M7-1 9 1" />`,
};

/** For the `<defs>` of a plot whose id is `id`. */
export function StatePatterns({ id }) {
  return Object.entries(TILES).map(
    ([state, tile]) => html`<pattern
      key=${state}
      id=${`${id}-${state}`}
      class="plot-tile"
      width="8"
      height="8"
      patternUnits="userSpaceOnUse"
    >
      ${tile}
    </pattern>`,
  );
}

/** What fills an area of this state, where the plot's patterns have the id `id`. */
export const stateFill = (id, state) => (Object.hasOwn(TILES, state) ? `url(#${id}-${state})` : "none");
