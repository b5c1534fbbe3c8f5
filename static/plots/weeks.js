/** Weeks as small plots of one form: what was done in each, and how well. */
import { dayWords } from "../days.js";
import { number, t } from "../i18n.js";
import { html } from "../preact.js";
import { diamond, dot } from "./marks.js";
import { SCORE_TICKS, countTicks, scale } from "./scale.js";
import { PlotTable } from "./table.js";
import { useWidth } from "./width.js";

const HEIGHT = 150;
const TOP = 12;
const BOTTOM = 26;
const LEFT = 36;
const RIGHT = 8;
const MONTH_ROOM = 34;

/** `weeks` are those of `/v1/progress`. `heading` is the element that names each plot: "h2" or, below one, "h3". */
export function WeekPlots({ weeks, heading = "h2" }) {
  const sum = (of) => weeks.reduce((total, week) => total + of(week), 0);
  const counts = [
    { title: t("progress.sessions"), of: ({ sessions }) => sessions },
    { title: t("progress.days"), of: ({ days }) => days },
    { title: t("reps.label"), of: ({ repetitions }) => repetitions },
  ];
  return html`<div class="week-plots">
    <${WeekPlot}
      title=${t("score.label")}
      heading=${heading}
      weeks=${weeks}
      label=${scoreWords(weeks)}
      ticks=${SCORE_TICKS}
      legend=${html`<${ScoreLegend} />`}
    >
      ${(x, y, size) => html`<${Scores} weeks=${weeks} x=${x} y=${y} size=${size} />`}
    <//>
    ${counts.map(
      ({ title, of }) => html`<${WeekPlot}
        key=${title}
        title=${title}
        heading=${heading}
        total=${number(sum(of))}
        weeks=${weeks}
        label=${countWords(title, weeks, of, sum(of))}
        ticks=${countTicks(Math.max(...weeks.map(of)))}
      >
        ${(x, y, size) =>
          html`<path class="plot-bar" d=${weeks.map((week, at) => bar(of(week), x(at), y, size)).join("")} />`}
      <//>`,
    )}
    <${WeekTable} weeks=${weeks} />
  </div>`;
}

/** `children(x, y, size)` draws: `x` gives the middle of a week, `size` is what it has for itself. */
function WeekPlot({ title, heading, total = null, weeks, label, ticks, legend = null, children }) {
  const [place, width] = useWidth();
  const size = (width - LEFT - RIGHT) / weeks.length;
  const x = (at) => LEFT + size * (at + 0.5);
  const y = scale([0, ticks.at(-1)], [HEIGHT - BOTTOM, TOP]);
  return html`<figure class="panel plot">
    <div class="plot-head">
      <${heading}>${title}<//>
      ${total !== null && html`<p class="plot-total number">${total}</p>`}
      ${legend}
    </div>
    <div ref=${place} class="plot-place" style=${{ height: `${HEIGHT}px` }}>
      ${size > 0 &&
      html`<svg width=${width} height=${HEIGHT} role="img" aria-label=${label}>
        ${ticks.map(
          (tick) => html`<g key=${tick}>
            <path class="plot-grid" d=${`M${LEFT} ${y(tick)}H${width - RIGHT}`} />
            <text class="plot-text" x=${LEFT - 8} y=${y(tick) + 4} text-anchor="end">${number(tick)}</text>
          </g>`,
        )}
        ${monthNames(weeks, size).map(
          ({ at, name }) => html`<text key=${at} class="plot-text" x=${x(at) - size / 2} y=${HEIGHT - 6}>${name}</text>`,
        )}
        ${children(x, y, size)}
      </svg>`}
    </div>
  </figure>`;
}

function bar(value, middle, y, size) {
  if (value === 0) return "";
  const half = Math.min(14, size * 0.34);
  return `M${middle - half} ${y(0)}V${y(value)}h${2 * half}V${y(0)}Z`;
}

/** The months that begin in these weeks, as far as their names have room. */
export function monthNames(weeks, size) {
  const found = [];
  weeks.forEach(({ monday }, at) => {
    const begins = at === 0 || monday.slice(0, 7) !== weeks[at - 1].monday.slice(0, 7);
    if (begins && (found.length === 0 || (at - found.at(-1).at) * size >= MONTH_ROOM)) {
      found.push({ at, name: dayWords(monday, { month: "short" }) });
    }
  });
  return found;
}

/** A line for the mean, broken where nothing was trained, and diamonds for the best. */
function Scores({ weeks, x, y, size }) {
  const radius = Math.max(2, Math.min(4, size / 3)); // so that those of many weeks do not cover each other
  const mean = weeks.map(({ mean_score: score }, at) => (score === null ? null : [x(at), y(score)]));
  const best = weeks.flatMap(({ best_score: score }, at) => (score === null ? [] : [[x(at), y(score)]]));
  const goesOn = (at) => at > 0 && mean[at - 1] !== null;
  const line = mean.map((point, at) => (point === null ? "" : `${goesOn(at) ? "L" : "M"}${point.join(" ")}`));
  return html`<path class="plot-mark" d=${best.map((point) => diamond(...point, radius + 1)).join("")} />
    <path class="plot-line" d=${line.join("")} />
    <path class="plot-dot" d=${mean.map((point) => (point === null ? "" : dot(...point, radius))).join("")} />`;
}

function ScoreLegend() {
  return html`<ul class="plot-legend">
    <li>
      <svg width="26" height="16" aria-hidden="true">
        <path class="plot-line" d="M1 8H25" /><path class="plot-dot" d=${dot(13, 8)} />
      </svg>
      ${t("plot.mean")}
    </li>
    <li>
      <svg width="14" height="16" aria-hidden="true"><path class="plot-mark" d=${diamond(7, 8)} /></svg>
      ${t("progress.best")}
    </li>
  </ul>`;
}

function scoreWords(weeks) {
  const scored = weeks.filter(({ mean_score: score }) => score !== null);
  if (scored.length === 0) return t("report.course_none");
  const means = scored.map(({ mean_score: score }) => score);
  return t("progress.score_words", {
    lowest: Math.round(Math.min(...means)),
    highest: Math.round(Math.max(...means)),
    last: Math.round(means.at(-1)),
    week: dayWords(scored.at(-1).monday),
  });
}

function countWords(title, weeks, of, total) {
  if (total === 0) return t("progress.count_none", { what: title });
  const most = weeks.reduce((found, week) => (of(week) > of(found) ? week : found));
  return t("progress.count_words", { what: title, total, most: of(most), week: dayWords(most.monday) });
}

function WeekTable({ weeks }) {
  const round = (value) => (value === null ? "–" : Math.round(value));
  return html`<div class="panel week-table">
    <${PlotTable}
      caption=${t("progress.weeks_table")}
      columns=${[
        t("progress.week"),
        t("progress.sessions"),
        t("progress.days"),
        t("plot.mean"),
        t("progress.best"),
        t("reps.label"),
      ]}
      rows=${weeks.toReversed().map((week) => [
        dayWords(week.monday),
        week.sessions,
        week.days,
        round(week.mean_score),
        round(week.best_score),
        number(week.repetitions),
      ])}
    />
  </div>`;
}
