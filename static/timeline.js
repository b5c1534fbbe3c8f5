/** The score of a session that runs, drawn by uPlot: three times a second, and it slides. */
import { html, useEffect, useRef } from "./preact.js";
import uPlot from "./vendor/uplot/uPlot.js";
import { clock } from "./words.js";

/** The steps between the words "Off", "Close" and "In sync", so that the lines of the chart mean something. */
const SPLITS = [0, 50, 75, 100];
const NARROW_PX = 110;

function colours(element) {
  const style = getComputedStyle(element);
  const of = (name) => style.getPropertyValue(name).trim();
  return { line: of("--accent"), fill: of("--accent-veil"), grid: of("--line"), text: of("--ink-soft"), mark: of("--ink") };
}

const MARK_PX = 2;
const FLAG_PX = 5;

/** A line at each mark, with a flag at its top: a shape, so that it isn't taken for the grid. */
function drawMarks(chart, marks, colour) {
  const { ctx: context, bbox: box } = chart;
  const scale = devicePixelRatio;
  context.save();
  context.fillStyle = colour;
  for (const { t } of marks) {
    if (t < chart.scales.x.min || t > chart.scales.x.max) continue;
    const x = Math.round(chart.valToPos(t, "x", true));
    context.fillRect(x - (MARK_PX * scale) / 2, box.top, MARK_PX * scale, box.height);
    context.beginPath();
    context.moveTo(x, box.top);
    context.lineTo(x + 2 * FLAG_PX * scale, box.top + FLAG_PX * scale);
    context.lineTo(x, box.top + 2 * FLAG_PX * scale);
    context.fill();
  }
  context.restore();
}

function options(element, range, marks) {
  const { line, fill, grid, text, mark } = colours(element);
  const font = `12px ${getComputedStyle(element).fontFamily}`;
  const axis = { stroke: text, font, ticks: { show: false } };
  return {
    width: element.clientWidth,
    height: element.clientHeight,
    padding: [8, 18, 0, 0],
    legend: { show: false },
    cursor: { show: false },
    hooks: { draw: [(chart) => drawMarks(chart, marks(), mark)] },
    scales: { x: { time: false, range }, y: { range: [0, 104] } },
    axes: [
      {
        ...axis,
        size: 26,
        gap: 6,
        grid: { show: false },
        incrs: [1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 1200],
        space: 56,
        values: (_, splits) => splits.map((t) => (t < 0 ? "" : clock(t))),
      },
      {
        ...axis,
        size: 34,
        gap: 6,
        grid: { stroke: grid, width: 1 },
        splits: () => (element.clientHeight < NARROW_PX ? [0, 50, 100] : SPLITS),
      },
    ],
    series: [
      {},
      { stroke: line, fill, width: 2.5, spanGaps: false, points: { show: false } },
    ],
  };
}

/** No marks: always the same, so that they don't count as new. */
const NO_MARKS = [];

/**
 * A chart of `data` = `[[seconds], [score or null]]`. `range` is a function `() => [from_s, to_s]`; `marks` are moments
 * to show, `[{t}]` in seconds.
 */
export function Timeline({ data, range, label, marks = NO_MARKS }) {
  const place = useRef(null);
  const chart = useRef(null);
  const latest = useRef(null);
  latest.current = { data, range, marks };

  useEffect(() => {
    const element = place.current;
    const build = () => {
      chart.current?.destroy();
      chart.current = new uPlot(
        options(element, () => latest.current.range(), () => latest.current.marks),
        latest.current.data,
        element,
      );
    };
    build();
    const sizes = new ResizeObserver(() =>
      chart.current.setSize({ width: element.clientWidth, height: element.clientHeight }),
    );
    sizes.observe(element);
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", build);
    // The canvas keeps the font it was drawn with.
    const watching = new AbortController();
    document.fonts.ready.then(() => watching.signal.aborted || build());
    return () => {
      watching.abort();
      dark.removeEventListener("change", build);
      sizes.disconnect();
      chart.current.destroy();
      chart.current = null;
    };
  }, []);

  useEffect(() => {
    chart.current?.setData(data);
  }, [data, marks]);

  return html`<div class="timeline" ref=${place} role="img" aria-label=${label}></div>`;
}
