/** The session while it runs. Everything is seen at once; score, count and cue from three metres away. */
import { CameraView } from "../components/camera-view.js";
import { Cue, useShownCue, useSpokenCue } from "../components/cue.js";
import { Icon } from "../components/icons.js";
import { LiveRegion } from "../components/live-region.js";
import { Page } from "../components/page.js";
import { ReferenceView } from "../components/reference-view.js";
import { RepetitionCount, RepetitionList } from "../components/repetitions.js";
import { ComponentBars, ScoreBar, ScoreWord } from "../components/score-meter.js";
import { PaceChoice, SkeletonToggle, VoiceToggle } from "../components/session-options.js";
import { Skeleton } from "../components/skeleton.js";
import { capital, keys, t } from "../i18n.js";
import { timelineData } from "../live-state.js";
import { watchPlayback } from "../playback.js";
import { html, useEffect, useMemo, useRef, useState } from "../preact.js";
import { useSetting } from "../settings.js";
import { Timeline } from "../timeline.js";
import { clock, lagWords, scoreLevel, tempoWords, waitingWords } from "../words.js";

const TIMELINE_S = 60;

/** Keys that stop, except where they already do something. */
function useStopKeys(onStop) {
  useEffect(() => {
    const press = (event) => {
      if (event.repeat || event.target.closest?.("a, input, button, dialog")) {
        if (event.key !== "Escape") return;
      }
      if (event.key === "Escape" || event.key === " ") {
        event.preventDefault();
        onStop();
      }
    };
    window.addEventListener("keydown", press);
    return () => window.removeEventListener("keydown", press);
  }, [onStop]);
}

function Elapsed() {
  const [seconds, setSeconds] = useState(0);
  useEffect(() => {
    const start = performance.now();
    const timer = setInterval(() => setSeconds((performance.now() - start) / 1000), 250);
    return () => clearInterval(timer);
  }, []);
  return html`<span class="number elapsed" role="timer" aria-label=${t("live.elapsed")}>${clock(seconds)}</span>`;
}

/** The most important words now: why there is no number, else what to change, else how it goes. */
function Headline({ live, scoring, cue }) {
  if (!scoring) return html`<p class="headline state-title">${waiting(live).title}</p>`;
  return html`<div class="headline">
    ${cue === null ? html`<${ScoreWord} score=${live.score} />` : html`<${Cue} cue=${cue} />`}
  </div>`;
}

const waiting = (live) => waitingWords(live.state === "scoring" ? "warming_up" : live.state, live.gap);

function Score({ live, scoring }) {
  const points = Math.round(live.score);
  return html`<section class=${scoring ? "score" : "score waiting"} aria-label=${t("score.label")}>
    ${scoring
      ? html`<span class=${`score-number number ${scoreLevel(live.score)} ${points === 100 ? "three" : ""}`}>
          ${points}
        </span>`
      : html`<p class="state-hint muted">${waiting(live).hint}</p>`}
    <${ScoreBar} score=${scoring ? live.score : null} />
  </section>`;
}

const STATUS_WORDS = keys({ good: "live.connected", weak: "live.weak", reconnecting: "live.reconnecting" });

function Status({ status, live, leaving }) {
  const { draining, idle } = live;
  const lost = status === "reconnecting";
  const restarts = draining && !leaving;
  const words = restarts
    ? t(lost ? "live.restarting" : "live.draining")
    : t(leaving ? "live.ending" : idle && !lost ? "live.idle" : STATUS_WORDS[status]);
  const told = !leaving && (draining || idle || lost); // in a whole sentence
  return html`<span class=${`status ${leaving || told ? "weak" : status} ${told ? "sentence" : ""}`} role="status">
    <span class="dot" aria-hidden="true"></span><span class="status-words">${words}</span>
  </span>`;
}

/** Tell where the reference is, which begins at `startS` of its clip, while the person follows it. */
function useClock(video, startS, following, onClock) {
  useEffect(() => {
    if (!following || video === null) return undefined;
    const ending = new AbortController();
    watchPlayback(video, onClock, ending.signal, startS);
    return () => ending.abort();
  }, [video, startS, following]);
}

export function Live({ exercise, camera, live, status, leaving, pace, onPace, voiceOn, onVoice, onClock, onStop }) {
  useStopKeys(onStop);
  const stop = useRef(null);
  useEffect(() => stop.current.focus({ preventScroll: true }), []);
  const [skeletonOn, setSkeletonOn] = useSetting("skeleton", true);
  const [reference, setReference] = useState(null);
  const following = pace === "follow";
  useClock(reference, exercise.start_s ?? 0, following && !leaving, onClock);
  useEffect(() => {
    if (!following) onClock(null, null);
  }, [following]);

  const data = useMemo(() => timelineData(live.points), [live.points]);
  const newest = live.points.at(-1)?.t ?? 0;
  const scoring = live.state === "scoring" && live.score !== null;
  const away = status === "reconnecting"; // what is shown is the last that was known
  const shownCue = useShownCue(live.cue);
  useSpokenCue(live.cue, voiceOn === true);
  const tempo = live.state === "scoring" ? tempoWords(live.tempo) : null;
  const lag = following ? lagWords(live.lagS) : null;
  return html`<${Page} kind=${`live ${pace}`}>
    <header class="live-bar">
      <h1>${exercise.name}</h1>
      <div class="live-options">
        <${PaceChoice} pace=${pace} onPace=${onPace} short />
        <${SkeletonToggle} on=${skeletonOn} onToggle=${() => setSkeletonOn(!skeletonOn)} />
        <${VoiceToggle} on=${voiceOn} onToggle=${onVoice} />
      </div>
      <div class="live-facts">
        <${Status} status=${status} live=${live} leaving=${leaving} />
        <${Elapsed} />
      </div>
      <button ref=${stop} class="button stop" onClick=${onStop} disabled=${leaving}>
        <${Icon} name="stop" />${t("live.stop")}<kbd>Esc</kbd>
      </button>
    </header>
    <div class="tiles live-tiles">
      <figure class="them">
        <${ReferenceView} exercise=${exercise} plays onVideo=${setReference}>
          ${lag !== null && html`<p class="lag number">${lag}</p>`}
        <//>
        <figcaption>${t("reference.caption")}</figcaption>
      </figure>
      <figure class=${`you ${scoring && !away ? scoreLevel(live.score) : "none"}`}>
        <${CameraView}
          camera=${camera}
          overlay=${(video) => skeletonOn && !away && html`<${Skeleton} video=${video} pose=${live.pose} />`}
        />
        <figcaption>
          ${t("ready.you")}${scoring && live.mirrored !== exercise.mirrored && html`<span class="caption-more">${t("live.mirrored")}</span>`}
        </figcaption>
      </figure>
    </div>
    <div class=${away ? "live-panel stale" : "live-panel"}>
      <${Headline} live=${live} scoring=${scoring} cue=${away ? null : shownCue} />
      <${Score} live=${live} scoring=${scoring} />
      <${RepetitionCount} live=${live} />
      <${RepetitionList} live=${live} />
      <div class="live-details">
        <section aria-label=${t("score.components")}>
          <${ComponentBars} components=${live.state === "scoring" ? live.components : null} />
          <p class="tempo"><span class="muted">${t("tempo.label")}</span> <strong>${capital(tempo ?? "–")}</strong></p>
        </section>
        <section class="live-timeline" aria-label=${t("live.last_minute")}>
          <${Timeline}
            data=${data}
            range=${() => {
              const end = Math.max(TIMELINE_S, newest);
              return [end - TIMELINE_S, end];
            }}
            label=${t("live.timeline")}
          />
        </section>
      </div>
    </div>
    <p class="disclaimer">${t("page.disclaimer")}</p>
    <${LiveRegion} live=${live} cue=${shownCue} aloud=${voiceOn === true} />
  <//>`;
}
