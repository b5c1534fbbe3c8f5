/** The session while it runs. Everything is seen at once; score, count and cue from three metres away. */
import { CameraView } from "../components/camera-view.js";
import { Cue, useShownCue, useSpokenCue } from "../components/cue.js";
import { Icon } from "../components/icons.js";
import { ReferenceView } from "../components/reference-view.js";
import { RepetitionCount, RepetitionList } from "../components/repetitions.js";
import { ComponentBars, ScoreBar, ScoreWord } from "../components/score-meter.js";
import { PaceChoice, SkeletonToggle, VoiceToggle } from "../components/session-options.js";
import { Skeleton } from "../components/skeleton.js";
import { timelineData } from "../live-state.js";
import { watchPlayback } from "../playback.js";
import { html, useEffect, useMemo, useRef, useState } from "../preact.js";
import { useSetting } from "../settings.js";
import { Timeline } from "../timeline.js";
import {
  SESSION_WORDS,
  clock,
  cueWords,
  lagWords,
  repWords,
  scoreLevel,
  scoreWord,
  stateWords,
  tempoWords,
  waitingWords,
} from "../words.js";

const TIMELINE_S = 60;
/** A screen reader says one thing at a time, and the score changes three times a second. */
const SAY_EVERY_MS = 5_000;

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
  return html`<span class="number elapsed" aria-label="Elapsed time">${clock(seconds)}</span>`;
}

/** Tells score and state to a screen reader, at most every few seconds. */
function Spoken({ live }) {
  const [words, setWords] = useState("");
  const latest = useRef(live);
  latest.current = live;
  useEffect(() => {
    const say = () => {
      const { state, score } = latest.current;
      setWords(
        state === "scoring" && score !== null
          ? `${Math.round(score)}, ${scoreWord(score)}`
          : stateWords(state).title,
      );
    };
    say();
    const timer = setInterval(say, SAY_EVERY_MS);
    return () => clearInterval(timer);
  }, [live.state]);
  return html`<p class="visually-hidden" aria-live="polite">${words}</p>`;
}

/** The newest repetition and cue for a screen reader; cues that are said aloud are not said twice. */
function SpokenNews({ live, cue, aloud }) {
  const rep = live.reps.at(-1);
  return html`<p class="visually-hidden" aria-live="polite">${rep !== undefined && repWords(rep)}</p>
    <p class="visually-hidden" aria-live="polite">${cue !== null && !aloud && cueWords(cue)}</p>`;
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
  return html`<section class=${scoring ? "score" : "score waiting"} aria-label="Score">
    ${scoring
      ? html`<span class=${`score-number number ${scoreLevel(live.score)} ${points === 100 ? "three" : ""}`}>
          ${points}
        </span>`
      : html`<p class="state-hint muted">${waiting(live).hint}</p>`}
    <${ScoreBar} score=${scoring ? live.score : null} />
  </section>`;
}

/** Stops and goes on with the reference. */
function PlayButton({ video }) {
  const [paused, setPaused] = useState(false);
  useEffect(() => {
    const ending = new AbortController();
    const look = () => setPaused(video.paused);
    for (const change of ["play", "pause"]) video.addEventListener(change, look, { signal: ending.signal });
    look();
    return () => ending.abort();
  }, [video]);
  const toggle = () => (video.paused ? video.play().catch(() => {}) : video.pause());
  const words = paused ? SESSION_WORDS.play : SESSION_WORDS.pause;
  return html`<button class="icon-button tile-button" aria-label=${words} title=${words} onClick=${toggle}>
    <${Icon} name=${paused ? "play" : "pause"} />
  </button>`;
}

const STATUS_WORDS = { good: "Connected", weak: "Weak connection" };

function Status({ status, leaving }) {
  const words = leaving ? "Ending…" : STATUS_WORDS[status];
  return html`<span class=${`status ${leaving ? "weak" : status}`} role="status">
    <span class="dot" aria-hidden="true"></span><span class="status-words">${words}</span>
  </span>`;
}

/** Tell where the reference is while the person follows it. */
function useClock(video, following, onClock) {
  useEffect(() => {
    if (!following || video === null) return undefined;
    const ending = new AbortController();
    watchPlayback(video, onClock, ending.signal);
    return () => ending.abort();
  }, [video, following]);
}

export function Live({ exercise, camera, live, status, leaving, pace, onPace, voiceOn, onVoice, onClock, onStop }) {
  useStopKeys(onStop);
  const stop = useRef(null);
  useEffect(() => stop.current.focus({ preventScroll: true }), []);
  const [skeletonOn, setSkeletonOn] = useSetting("skeleton", true);
  const [reference, setReference] = useState(null);
  const following = pace === "follow";
  useClock(reference, following && !leaving, onClock);
  useEffect(() => {
    if (!following) onClock(null, null);
  }, [following]);

  const data = useMemo(() => timelineData(live.points), [live.points]);
  const newest = live.points.at(-1)?.t ?? 0;
  const scoring = live.state === "scoring" && live.score !== null;
  const shownCue = useShownCue(live.cue);
  useSpokenCue(live.cue, voiceOn === true);
  const tempo = live.state === "scoring" ? tempoWords(live.tempo) : null;
  const lag = following ? lagWords(live.lagS) : null;
  return html`<main class=${`live ${pace}`}>
    <header class="live-bar">
      <h1>${exercise.name}</h1>
      <div class="live-options">
        <${PaceChoice} pace=${pace} onPace=${onPace} short />
        <${SkeletonToggle} on=${skeletonOn} onToggle=${() => setSkeletonOn(!skeletonOn)} />
        <${VoiceToggle} on=${voiceOn} onToggle=${onVoice} />
      </div>
      <div class="live-facts">
        <${Status} status=${status} leaving=${leaving} />
        <${Elapsed} />
      </div>
      <button ref=${stop} class="button stop" onClick=${onStop} disabled=${leaving}>
        <${Icon} name="stop" />Stop<kbd>Esc</kbd>
      </button>
    </header>
    <div class="tiles live-tiles">
      <figure class="them">
        <${ReferenceView} exercise=${exercise} onVideo=${setReference}>
          ${lag !== null && html`<p class="lag number">${lag}</p>`}
          ${reference !== null && html`<${PlayButton} video=${reference} />`}
        <//>
        <figcaption>Reference</figcaption>
      </figure>
      <figure class=${`you ${scoring ? scoreLevel(live.score) : "none"}`}>
        <${CameraView}
          camera=${camera}
          overlay=${(video) => skeletonOn && html`<${Skeleton} video=${video} pose=${live.pose} />`}
        />
        <figcaption>You${live.mirrored && html`<span class="caption-more">${SESSION_WORDS.mirrored}</span>`}</figcaption>
      </figure>
    </div>
    <div class="live-panel">
      <${Headline} live=${live} scoring=${scoring} cue=${shownCue} />
      <${Score} live=${live} scoring=${scoring} />
      <${RepetitionCount} live=${live} />
      <${RepetitionList} live=${live} />
      <div class="live-details">
        <section aria-label="Components">
          <${ComponentBars} components=${live.state === "scoring" ? live.components : null} />
          <p class="tempo"><span class="muted">Tempo</span> <strong>${tempo ?? "–"}</strong></p>
        </section>
        <section class="live-timeline" aria-label="Last minute">
          <${Timeline}
            data=${data}
            range=${() => {
              const end = Math.max(TIMELINE_S, newest);
              return [end - TIMELINE_S, end];
            }}
            label="Your score over the last minute"
          />
        </section>
      </div>
    </div>
    <p class="disclaimer">A similarity to the reference clip. Not a medical assessment.</p>
    <${Spoken} live=${live} />
    <${SpokenNews} live=${live} cue=${shownCue} aloud=${voiceOn === true} />
  </main>`;
}
