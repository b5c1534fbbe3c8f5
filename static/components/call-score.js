/** How the member does, for the coach: number, count, cue, components, tempo, the last minute. */
import { shownCount, typedCount, MOST_REPETITIONS } from "../call-count.js";
import { positionOf, runWords, standingWords } from "../call-words.js";
import { capital, t } from "../i18n.js";
import { timelineData } from "../live-state.js";
import { html, useEffect, useId, useMemo, useRef, useState } from "../preact.js";
import { Timeline } from "../timeline.js";
import { heldWords, scoreLevel, tempoWords } from "../words.js";
import { Cue, useShownCue } from "./cue.js";
import { Icon } from "./icons.js";
import { LiveRegion } from "./live-region.js";
import { ComponentBars, ScoreBar, ScoreWord } from "./score-meter.js";

const TIMELINE_S = 60;

/** How many repetitions, with what the coach says of them: `[shown, correct]`. It goes on counting from there. */
function useCount({ run, live, send }) {
  const correction = useRef({ sessionId: null, value: null });
  const [, redraw] = useState(0);
  const sessionId = run?.session_id ?? null;
  const counted = live.repetitions;
  if (correction.current.sessionId !== sessionId) correction.current = { sessionId, value: null };
  // After a reload the server knows the correction; what has been counted is known with the first score.
  if (correction.current.value === null && (run?.corrected ?? null) !== null && live.seq >= 0) {
    correction.current.value = { repetitions: run.corrected, counted };
  }
  const shown = shownCount(correction.current.value, counted);
  const tell = (repetitions) => {
    if (!send("correct", { session_id: sessionId, repetitions })) return;
    correction.current.value = { repetitions, counted };
    redraw((turn) => turn + 1);
  };
  useEffect(() => {
    const { value } = correction.current;
    if (value !== null && counted !== value.counted) tell(shown);
  }, [counted, sessionId]);
  return [shown, tell];
}

/** A number with less, more and the keyboard; `onCount` gets what somebody says. */
export function CountStepper({ count, label, onCount }) {
  const id = useId();
  const [typed, setTyped] = useState(null);
  const take = () => {
    const said = typedCount(typed ?? "");
    if (said !== null && said !== count) onCount(said);
    setTyped(null);
  };
  const press = (event) => {
    if (event.key === "Enter") take();
    if (event.key === "Escape") setTyped(null);
  };
  return html`<div class="call-stepper" role="group" aria-label=${label}>
    <button class="icon-button" aria-label=${t("call.count.less")} title=${t("call.count.less")} disabled=${count <= 0} onClick=${() => onCount(count - 1)}>
      <${Icon} name="minus" />
    </button>
    <input
      id=${id}
      class="number"
      inputmode="numeric"
      size=${Math.max(1, String(typed ?? count).length)}
      maxlength="4"
      autocomplete="off"
      aria-label=${label}
      value=${typed ?? count}
      onFocus=${({ currentTarget }) => currentTarget.select()}
      onInput=${({ currentTarget }) => setTyped(currentTarget.value)}
      onBlur=${take}
      onKeyDown=${press}
    />
    <button class="icon-button" aria-label=${t("call.count.more")} title=${t("call.count.more")} disabled=${count >= MOST_REPETITIONS} onClick=${() => onCount(count + 1)}>
      <${Icon} name="plus" />
    </button>
  </div>`;
}

function Count({ run, live, send }) {
  const [shown, correct] = useCount({ run, live, send });
  const label = t("reps.label");
  if (live.heldS !== null) {
    const { number, unit } = heldWords(live.heldS);
    return html`<div class="call-count"><p class="call-big number">${number}</p><p class="muted">${unit}</p></div>`;
  }
  return html`<div class="call-count">
    ${run?.session_id
      ? html`<${CountStepper} count=${shown} label=${label} onCount=${correct} />`
      : html`<p class="call-big number none">–</p>`}
    <p class="muted">${shown === live.repetitions ? label : t("call.count.counted", { count: live.repetitions })}</p>
  </div>`;
}

function Position({ live, durationS }) {
  const position = positionOf(live, durationS);
  return html`<div class="call-position">
    <p><span class="muted">${t(durationS === null ? "call.behind_label" : "call.position_label")}</span> <strong class="number">${position?.words ?? "–"}</strong></p>
    ${durationS !== null &&
    html`<div class="track" aria-hidden="true"><div class="fill" style=${{ transform: `scaleX(${position?.share ?? 0})` }}></div></div>`}
  </div>`;
}

/**
 * `run` is the one that goes on, or null; `live` is what is seen in it, `stale` when nothing new comes. `durationS` is
 * how long the reference's clip is, null for a demonstration.
 */
export function CoachScore({ run, live, stale, marks, title, durationS, send }) {
  const running = run?.state === "running";
  const scoring = live.state === "scoring" && live.score !== null && running;
  const cue = useShownCue(live.cue);
  const data = useMemo(() => timelineData(live.points), [live.points]);
  const newest = live.points.at(-1)?.t ?? 0;
  const standing = run === null || scoring ? null : standingWords(run, live, true);
  const tempo = scoring ? tempoWords(live.tempo) : null;
  return html`<section class=${stale ? "call-now stale" : "call-now"} aria-label=${t("call.now")}>
    <header>
      <h2>${title}</h2>
      <p class=${`call-state ${run?.state ?? "off"}`} role="status">${runWords(run)}</p>
    </header>
    <div class="call-headline">
      ${run === null
        ? html`<p class="muted">${t("call.run.idle")}</p>`
        : standing !== null
          ? html`<p><strong>${standing.title}</strong> <span class="muted">${standing.hint}</span></p>`
          : cue === null || stale
            ? html`<${ScoreWord} score=${live.score} />`
            : html`<${Cue} cue=${cue} />`}
    </div>
    <div class="call-figures">
      <div class=${`call-points ${scoring ? scoreLevel(live.score) : "none"}`} aria-label=${t("score.label")} role="group">
        <p class="call-big number">${scoring ? Math.round(live.score) : "–"}</p>
        <${ScoreBar} score=${scoring ? live.score : null} />
        <p class="muted">${t("score.label")}</p>
      </div>
      <${Count} run=${run} live=${live} send=${send} />
    </div>
    <${ComponentBars} components=${scoring ? live.components : null} />
    <div class="call-pace">
      <p><span class="muted">${t("tempo.label")}</span> <strong>${capital(tempo ?? "–")}</strong></p>
      <${Position} live=${scoring ? live : { referenceS: null, lagS: null }} durationS=${durationS} />
    </div>
    <div class="call-timeline">
      <${Timeline}
        data=${data}
        marks=${marks}
        range=${() => {
          const end = Math.max(TIMELINE_S, newest);
          return [end - TIMELINE_S, end];
        }}
        label=${t("call.timeline", { count: marks.length })}
      />
    </div>
    ${running && html`<${LiveRegion} live=${live} cue=${cue} aloud=${false} />`}
  </section>`;
}
