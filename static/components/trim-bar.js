/** A clip from left to right: two handles hold the part that is trained with, a line says where the clip is. */
import { getFrame } from "../api.js";
import { decimal, t } from "../i18n.js";
import { html, useEffect, useRef, useState } from "../preact.js";
import { SHORTEST_S, keyLeads } from "../trim.js";

const FRAMES = 8;

/** `onStart`, `onEnd` and `onSeek` get the seconds to which somebody moves a handle or the line. */
export function TrimBar({ exercise, clipS, part, atS, mirrored, onStart, onEnd, onSeek }) {
  const track = useRef(null);
  const dragged = useRef(null); // what to call while something is dragged
  const frames = useFrames(exercise.id, clipS);
  const { startS, endS } = part;

  const secondsAt = (event) => {
    const { left, width } = track.current.getBoundingClientRect();
    return ((event.clientX - left) / width) * clipS;
  };
  const grab = (event) => {
    if (event.button !== 0) return;
    const handle = event.target.closest("[role=slider]");
    const name = handle?.dataset.handle ?? "at";
    // Held where it is grabbed, so that it does not jump.
    const from = { start: startS, end: endS, at: secondsAt(event) }[name];
    const gripS = from - secondsAt(event);
    const move = { start: onStart, end: onEnd, at: onSeek }[name];
    dragged.current = (moved) => move(secondsAt(moved) + gripS);
    event.currentTarget.setPointerCapture(event.pointerId);
    handle?.focus({ preventScroll: true });
    if (name === "at") onSeek(from);
  };
  const drop = () => {
    dragged.current = null;
  };
  return html`<div
    class="trim-bar"
    onPointerDown=${grab}
    onPointerMove=${(event) => dragged.current?.(event)}
    onPointerUp=${drop}
    onPointerCancel=${drop}
  >
    <div class="trim-track" ref=${track}>
      <div class=${mirrored ? "trim-frames turned" : "trim-frames"} aria-hidden="true">
        ${frames.map((url, at) => html`<span key=${at}>${url && html`<img src=${url} alt="" draggable=${false} />`}</span>`)}
      </div>
      <div class="trim-off" style=${{ left: 0, width: `${(startS / clipS) * 100}%` }}></div>
      <div class="trim-off" style=${{ left: `${(endS / clipS) * 100}%`, right: 0 }}></div>
      <div class="trim-part" style=${{ left: `${(startS / clipS) * 100}%`, width: `${((endS - startS) / clipS) * 100}%` }}></div>
      <${Handle} name="start" label=${t("trim.start")} atS=${startS} leastS=${0} mostS=${endS - SHORTEST_S} clipS=${clipS} onMove=${onStart} />
      <${Handle} name="end" label=${t("trim.end")} atS=${endS} leastS=${startS + SHORTEST_S} mostS=${clipS} clipS=${clipS} onMove=${onEnd} />
      <${Handle} name="at" label=${t("trim.position")} atS=${atS} leastS=${0} mostS=${clipS} clipS=${clipS} onMove=${onSeek} />
    </div>
  </div>`;
}

function Handle({ name, label, atS, leastS, mostS, clipS, onMove }) {
  const press = (event) => {
    const toS = keyLeads(event.key, atS, leastS, mostS);
    if (toS === null || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    onMove(toS);
  };
  return html`<div
    class=${`trim-handle ${name}`}
    data-handle=${name}
    role="slider"
    tabindex="0"
    aria-label=${label}
    aria-valuemin=${leastS.toFixed(2)}
    aria-valuemax=${mostS.toFixed(2)}
    aria-valuenow=${atS.toFixed(2)}
    aria-valuetext=${t("trim.seconds", { seconds: decimal(atS, 1) })}
    style=${{ left: `${(atS / clipS) * 100}%` }}
    onKeyDown=${press}
  ></div>`;
}

/** Object URLs of some of the clip's pictures in order, null until they are there: one is asked for after the other. */
function useFrames(id, clipS) {
  const [urls, setUrls] = useState(() => Array(FRAMES).fill(null));
  useEffect(() => {
    const leaving = new AbortController();
    const made = [];
    const ask = async () => {
      for (let at = 0; at < FRAMES; at += 1) {
        const url = URL.createObjectURL(await getFrame(id, ((at + 0.5) / FRAMES) * clipS, leaving.signal));
        made.push(url);
        setUrls((before) => before.with(at, url));
      }
    };
    ask().catch(() => {}); // without them the bar does all it has to
    return () => {
      leaving.abort();
      made.forEach(URL.revokeObjectURL);
    };
  }, [id, clipS]);
  return urls;
}
