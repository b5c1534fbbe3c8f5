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
  return { line: of("--accent"), fill: of("--accent-veil"), grid: of("--line"), text: of("--ink-soft") };
}

function options(element, range) {
  const { line, fill, grid, text } = colours(element);
  const font = `12px ${getComputedStyle(element).fontFamily}`;
  const axis = { stroke: text, font, ticks: { show: false } };
  return {
    width: element.clientWidth,
    height: element.clientHeight,
    padding: [8, 18, 0, 0],
    legend: { show: false },
    cursor: { show: false },
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

/** A chart of `data` = `[[seconds], [score or null]]`. `range` is a function `() => [from_s, to_s]`. */
export function Timeline({ data, range, label }) {
  const place = useRef(null);
  const chart = useRef(null);
  const latest = useRef(null);
  latest.current = { data, range };

  useEffect(() => {
    const element = place.current;
    const build = () => {
      chart.current?.destroy();
      chart.current = new uPlot(options(element, () => latest.current.range()), latest.current.data, element);
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
  }, [data]);

  return html`<div class="timeline" ref=${place} role="img" aria-label=${label}></div>`;
}
