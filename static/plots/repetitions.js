/** What each repetition was like: score, range and tempo, one below the other; attempts have shapes of their own. */
import { percent, t } from "../i18n.js";
import { html, useId } from "../preact.js";
import { cross, diamond, dot } from "./marks.js";
import { nameEvery, scale } from "./scale.js";
import { useWidth } from "./width.js";

const AXIS = 54; // for the numbers of an axis
const NARROWEST = 15; // for one repetition; what does not fit is scrolled
const WIDEST = 56;
const MOST = 1000; // that are drawn
const HIGHEST_RATIO = 2; // of the reference's; more is drawn as this
const TITLE = 42; // above what it names
const NUMBERS = 26;
const NUMBER_ROOM = 26;

/** `reps` are those of a record, at least one. `label` says what can't be seen. */
export function RepetitionPlots({ reps, label }) {
  const id = useId();
  const [place, width] = useWidth();
  const drawn = sampled(reps, MOST);
  const step = Math.max(NARROWEST, Math.min(WIDEST, (width - AXIS) / drawn.length));
  const inside = Math.max(Math.ceil(step * drawn.length), width - AXIS);
  const panels = panelsOf(drawn);
  const height = panels.at(-1).bottom + NUMBERS;
  return html`<div ref=${place} class="reps-plots" style=${{ minHeight: `${height}px` }}>
    <p class="visually-hidden">${label}</p>
    ${width > 0 &&
    html`<div class="reps-scroll" ...${AXIS + inside > width ? scrolled() : {}}>
      <svg class="reps-axis" width=${AXIS} height=${height} aria-hidden="true">
        ${panels.map((panel) => html`<${Axis} key=${panel.title} ...${panel} />`)}
      </svg>
      <svg width=${inside} height=${height} aria-hidden="true">
        <defs>
          <pattern id=${id} class="plot-tile" width="6" height="6" patternUnits="userSpaceOnUse">
            <path d="M-1 1 1-1M-1 7 7-1M5 7 7 5" />
          </pattern>
        </defs>
        ${panels.map(
          (panel) =>
            html`<${Panel} key=${panel.title} ...${panel} id=${id} reps=${drawn} step=${step} width=${inside} />`,
        )}
        ${drawn.map(
          ({ number }, at) =>
            at % nameEvery(step, NUMBER_ROOM) === 0 &&
            html`<text key=${number} class="plot-text" x=${step * (at + 0.5)} y=${height - 8} text-anchor="middle">
              ${number}
            </text>`,
        )}
      </svg>
    </div>`}
    <${Legend} id=${id} attempts=${reps.some(({ valid }) => !valid)} />
  </div>`;
}

/** What is scrolled can be reached with the Tab key. */
const scrolled = () => ({ tabindex: "0", role: "group", "aria-label": t("report.repetitions") });

/** Some of `all`, evenly, so that they are not more than `most`. */
export const sampled = (all, most) => {
  const every = Math.ceil(all.length / most);
  return all.filter((_, at) => at % every === 0);
};

function panelsOf(reps) {
  const highest = reps.reduce((most, { range, tempo }) => Math.max(most, range, tempo ?? 0), 1);
  const ratio = { domain: [0, Math.min(HIGHEST_RATIO, 1.1 * highest)], ticks: [0, 1], name: percent };
  const points = { domain: [0, 100], ticks: [0, 50, 100], name: String };
  let bottom = 0;
  return [
    { title: t("score.label"), height: 84, of: ({ score }) => score, ...points, bars: true },
    { title: t("plot.range"), height: 66, of: ({ range }) => range, ...ratio },
    { title: t("plot.tempo"), height: 66, of: ({ tempo }) => tempo, ...ratio },
  ].map((panel) => {
    const top = bottom + TITLE;
    bottom = top + panel.height;
    return { ...panel, top, bottom, y: scale(panel.domain, [bottom, top]) };
  });
}

function Axis({ title, top, ticks, name, y }) {
  return html`<text class="plot-text strong" x="0" y=${top - 18}>${title}</text>
    ${ticks.map(
      (tick) => html`<text key=${tick} class="plot-text" x=${AXIS - 10} y=${y(tick) + 4} text-anchor="end">
        ${name(tick)}
      </text>`,
    )}`;
}

/** Each kind of mark is one path, however many there are. */
function Panel({ id, reps, step, width, ticks, of, bars, bottom, y }) {
  const some = (valid) =>
    reps.flatMap((rep, at) => (rep.valid === valid && of(rep) !== null ? [[step * (at + 0.5), y(of(rep))]] : []));
  const missing = bars ? reps.flatMap((rep, at) => (of(rep) === null ? [step * (at + 0.5)] : [])) : [];
  const bar = ([x, top]) => `M${x - step * 0.32} ${bottom}V${Math.min(top, bottom - 2)}h${step * 0.64}V${bottom}Z`;
  const stem = ([x, top]) => `M${x} ${bottom}V${top}`;
  return html`${ticks.map(
      (tick) =>
        html`<path key=${tick} class=${tick === 1 ? "plot-grid reference" : "plot-grid"} d=${`M0 ${y(tick)}H${width}`} />`,
    )}
    ${bars
      ? html`<path class="plot-bar" d=${some(true).map(bar).join("")} />
          <path class="plot-bar attempt" d=${some(false).map(bar).join("")} fill=${`url(#${id})`} />
          <path class="plot-mark" d=${missing.map((x) => cross(x, bottom - 6)).join("")} />`
      : html`<path class="plot-stem" d=${[...some(true), ...some(false)].map(stem).join("")} />
          <path class="plot-dot" d=${some(true).map((point) => dot(...point)).join("")} />
          <path class="plot-mark" d=${some(false).map((point) => diamond(...point)).join("")} />`}`;
}

function Legend({ id, attempts }) {
  return html`<ul class="plot-legend">
    <li>
      <svg width="34" height="16" aria-hidden="true">
        <rect class="plot-bar" x="2" y="1" width="10" height="14" /><path class="plot-dot" d=${dot(24, 8)} />
      </svg>${t("plot.counted")}
    </li>
    ${attempts &&
    html`<li>
      <svg width="50" height="16" aria-hidden="true">
        <rect class="plot-bar attempt" x="2" y="1" width="10" height="14" fill=${`url(#${id})`} />
        <path class="plot-mark" d=${cross(23, 8) + diamond(40, 8)} />
      </svg>${t("plot.attempt")}
    </li>`}
    <li>
      <svg width="26" height="16" aria-hidden="true"><path class="plot-grid reference" d="M1 8H25" /></svg>
      ${t("plot.as_reference")}
    </li>
  </ul>`;
}
