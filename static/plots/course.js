/**
 * The score over a session, with the times in which there was none, and its best and lowest moment.
 *
 * SVG and not a canvas as in timeline.js: it is drawn once, and patterns, themes and sizes of text are the page's own.
 */
import { capital, t } from "../i18n.js";
import { html, useId, useMemo, useState } from "../preact.js";
import { clock, scoreWord } from "../words.js";
import { diamond, ring } from "./marks.js";
import { SCORE_TICKS, scale, timeTicks } from "./scale.js";
import { StatePatterns, stateFill, stateName } from "./states.js";
import { NO_SCORE, at, courseRows, endOf, lines, silences, thinned } from "./stretches.js";
import { PlotTable } from "./table.js";
import { useWidth } from "./width.js";

const HEIGHT = 236;
const TOP = 20; // for the number above the best moment
const BOTTOM = 26; // for the times
const LEFT = 34; // for the scores
const RIGHT = 10;
const TICK_ROOM = 64;
const END_ROOM = 18; // half of the last one's
const STEP_S = 0.5;
const MOST_ROWS = 200;

/** `record` is as the server tells it, with at least one score message. */
export function Course({ record: { scores, gaps, moments } }) {
  const id = useId();
  const [place, width] = useWidth();
  const [shownS, setShownS] = useState(null);
  const endS = endOf(scores, gaps);
  const silent = useMemo(() => silences(scores, gaps), [scores, gaps]);
  const here = shownS === null ? null : { t: shownS, ...at(shownS, scores, gaps) };
  const inside = width - LEFT - RIGHT;
  const look = ({ clientX, currentTarget, type, pointerType }) => {
    if (type === "pointermove" && pointerType !== "mouse") return; // a finger that moves scrolls
    const x = clientX - currentTarget.getBoundingClientRect().left - LEFT;
    setShownS(Math.min(endS, Math.max(0, (endS * x) / inside)));
  };
  return html`<figure class="plot">
    <div class="plot-head">
      <h2>${t("summary.course")}</h2>
      <p class="muted number" aria-hidden="true">${here === null ? t("plot.move_hint") : momentWords(here)}</p>
    </div>
    <div ref=${place} class="plot-place" style=${{ height: `${HEIGHT}px` }}>
      ${inside > 0 &&
      html`<svg
        width=${width}
        height=${HEIGHT}
        role="img"
        aria-label=${courseWords(scores, endS)}
        onPointerMove=${look}
        onPointerDown=${look}
      >
        <defs><${StatePatterns} id=${id} /></defs>
        <${Drawing} id=${id} scores=${scores} silent=${silent} moments=${moments} endS=${endS} width=${width} here=${here} />
      </svg>`}
    </div>
    <input
      type="range"
      class="plot-slider"
      style=${{ marginLeft: `${LEFT - 12}px`, width: `calc(100% - ${LEFT + RIGHT - 24}px)` }}
      min="0"
      max=${endS}
      step=${STEP_S}
      value=${shownS ?? 0}
      aria-label=${t("plot.move")}
      aria-valuetext=${momentWords(here ?? { t: 0, ...at(0, scores, gaps) }, ", ")}
      onInput=${({ currentTarget }) => setShownS(Number(currentTarget.value))}
    />
    <${Legend} id=${id} silent=${silent} moments=${moments} />
    <${CourseTable} scores=${scores} gaps=${gaps} />
  </figure>`;
}

function momentWords({ t: seconds, state, score }, between = " · ") {
  const what = score === null ? [capital(stateName(state))] : [String(Math.round(score)), scoreWord(score)];
  return [clock(seconds), ...what].join(between);
}

/** The chart in words, for those who can't see it. */
function courseWords(scores, endS) {
  const numbers = scores.map(({ score }) => score).filter((score) => score !== null);
  if (numbers.length === 0) return t("report.course_none");
  return t("report.course_words", {
    time: clock(endS),
    lowest: Math.round(numbers.reduce((least, each) => Math.min(least, each))),
    highest: Math.round(numbers.reduce((most, each) => Math.max(most, each))),
  });
}

function Drawing({ id, scores, silent, moments, endS, width, here }) {
  const [x, y] = [scale([0, endS], [LEFT, width - RIGHT]), scale([0, 100], [HEIGHT - BOTTOM, TOP])];
  const base = y(0);
  const drawn = useMemo(
    () => lines(scores).map((line) => thinned(line, width).map(({ t: seconds, score }) => [x(seconds), y(score)])),
    [scores, width],
  );
  const bands = useMemo(() => NO_SCORE.map((state) => [state, bandPath(silent, state, x, base)]), [silent, width]);
  const ticks = timeTicks(endS, Math.max(2, (width - LEFT) / TICK_ROOM));
  return html`${SCORE_TICKS.map(
      (level) => html`<g key=${level}>
        <path class="plot-grid" d=${`M${LEFT} ${y(level)}H${width - RIGHT}`} />
        <text class="plot-text" x=${LEFT - 8} y=${y(level) + 4} text-anchor="end">${level}</text>
      </g>`,
    )}
    ${ticks.map(
      (tick) => html`<text
        key=${tick}
        class="plot-text"
        x=${Math.min(x(tick), width - END_ROOM)}
        y=${HEIGHT - 6}
        text-anchor="middle"
      >
        ${clock(tick)}
      </text>`,
    )}
    ${bands.map(
      ([state, path]) =>
        path && html`<path key=${state} class=${`plot-band ${state}`} d=${path} fill=${stateFill(id, state)} />`,
    )}
    <path class="plot-area" d=${drawn.map((line) => `${polyline(line)}V${base}H${line[0][0]}Z`).join("")} />
    <path class="plot-line" d=${drawn.map((line) => polyline(line)).join("")} />
    ${here !== null && html`<path class="plot-cursor" d=${`M${x(here.t)} ${TOP}V${base}`} />`}
    ${here !== null &&
    here.score !== null &&
    html`<circle class="plot-cursor-dot" cx=${x(here.t)} cy=${y(here.score)} r="5" />`}
    <${Mark} kind="best" moment=${moments.best} x=${x} y=${y} width=${width} />
    <${Mark} kind="worst" moment=${moments.worst} x=${x} y=${y} width=${width} />`;
}

/** A lonely score is a dot: the line's round ends make it one. */
const polyline = (points) => `M${points.map((point) => point.join(" ")).join("L")}${points.length === 1 ? "h0" : ""}`;

/** One path for all bands of a state: a damaged record may have thousands. */
function bandPath(silent, state, x, base) {
  return silent
    .filter((each) => each.state === state)
    .map(({ fromS, toS }) => `M${x(fromS)} ${TOP}H${Math.max(x(toS), x(fromS) + 1)}V${base}H${x(fromS)}Z`)
    .join("");
}

const MARKS = { best: ring, worst: diamond };

/** A ring or a diamond, with its number beside it. */
function Mark({ kind, moment, x, y, width }) {
  if (moment === null) return null;
  const [left, top] = [x(moment.t_s), y(moment.score)];
  const anchor = left > width - 40 ? "end" : left < LEFT + 20 ? "start" : "middle";
  return html`<path class="plot-mark" d=${MARKS[kind](left, top)} />
    <text class="plot-text strong" text-anchor=${anchor} x=${left} y=${kind === "best" ? top - 10 : top + 20}>
      ${Math.round(moment.score)}
    </text>`;
}

function Legend({ id, silent, moments }) {
  const states = NO_SCORE.filter((state) => silent.some((each) => each.state === state));
  const marks = [["best", t("summary.best")], ["worst", t("report.worst")]].filter(([kind]) => moments[kind] !== null);
  return html`<ul class="plot-legend">
    ${marks.map(
      ([kind, name]) => html`<li key=${kind}>
        <svg width="14" height="16" aria-hidden="true"><path class="plot-mark" d=${MARKS[kind](7, 8)} /></svg>${name}
      </li>`,
    )}
    ${states.map(
      (state) => html`<li key=${state}>
        <svg width="26" height="16" aria-hidden="true">
          <rect class=${`plot-band ${state}`} x="1" y="1" width="24" height="14" fill=${stateFill(id, state)} />
        </svg>${capital(stateName(state))}
      </li>`,
    )}
  </ul>`;
}

function CourseTable({ scores, gaps }) {
  const all = useMemo(() => courseRows(scores, gaps), [scores, gaps]);
  const round = (value) => (value === undefined ? "–" : Math.round(value));
  return html`<${PlotTable}
    caption=${t("summary.course")}
    columns=${[t("report.column.time"), t("plot.what"), t("plot.mean"), t("plot.lowest"), t("plot.highest")]}
    rows=${all.slice(0, MOST_ROWS).map(({ fromS, toS, state, mean, lowest, highest }) => [
      clock(fromS) === clock(toS) ? clock(fromS) : `${clock(fromS)}–${clock(toS)}`,
      capital(stateName(state)),
      ...[mean, lowest, highest].map(round),
    ])}
    more=${all.length > MOST_ROWS ? t("plot.more_rows", { count: all.length - MOST_ROWS }) : null}
  />`;
}
