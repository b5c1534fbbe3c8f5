/** The session while it runs. Everything is seen at once, the score from three metres away. */
import { CameraView } from "../components/camera-view.js";
import { Icon } from "../components/icons.js";
import { ReferenceView } from "../components/reference-view.js";
import { ComponentBars, ScoreBar, ScoreWord } from "../components/score-meter.js";
import { timelineData } from "../live-state.js";
import { html, useEffect, useMemo, useRef, useState } from "../preact.js";
import { Timeline } from "../timeline.js";
import { clock, scoreLevel, scoreWord, stateWords, tempoWords, waitingWords } from "../words.js";

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

function Score({ live }) {
  const scoring = live.state === "scoring" && live.score !== null;
  const points = Math.round(live.score);
  const words = waitingWords(live.state === "scoring" ? "warming_up" : live.state, live.gap);
  return html`<section class=${scoring ? "score" : "score waiting"} aria-label="Score">
    ${scoring
      ? html`<div class="score-line">
          <span class=${`score-number number ${scoreLevel(live.score)} ${points === 100 ? "three" : ""}`}>
            ${points}
          </span>
          <${ScoreWord} score=${live.score} />
        </div>`
      : html`<div class="score-line state-words">
          <strong>${words.title}</strong>
          <span class="muted">${words.hint}</span>
        </div>`}
    <${ScoreBar} score=${scoring ? live.score : null} />
  </section>`;
}

const STATUS_WORDS = { good: "Connected", weak: "Weak connection" };

function Status({ status, leaving }) {
  const words = leaving ? "Ending…" : STATUS_WORDS[status];
  return html`<span class=${`status ${leaving ? "weak" : status}`} role="status">
    <span class="dot" aria-hidden="true"></span><span class="status-words">${words}</span>
  </span>`;
}

export function Live({ exercise, camera, live, status, leaving, onStop }) {
  useStopKeys(onStop);
  const stop = useRef(null);
  useEffect(() => stop.current.focus({ preventScroll: true }), []);
  const data = useMemo(() => timelineData(live.points), [live.points]);
  const newest = live.points.at(-1)?.t ?? 0;
  const level = live.state === "scoring" ? scoreLevel(live.score) : "none";
  const tempo = live.state === "scoring" ? tempoWords(live.tempo) : null;
  return html`<main class="live">
    <header class="live-bar">
      <h1>${exercise.name}</h1>
      <div class="live-facts">
        <${Status} status=${status} leaving=${leaving} />
        <${Elapsed} />
      </div>
      <button ref=${stop} class="button stop" onClick=${onStop} disabled=${leaving}>
        <${Icon} name="stop" />Stop<kbd>Esc</kbd>
      </button>
    </header>
    <div class="tiles live-tiles">
      <figure>
        <${ReferenceView} exercise=${exercise} />
        <figcaption>Reference</figcaption>
      </figure>
      <figure class=${`you ${level}`}>
        <${CameraView} camera=${camera} />
        <figcaption>You</figcaption>
      </figure>
    </div>
    <div class="live-panel">
      <${Score} live=${live} />
      <section class="live-details" aria-label="Components">
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
    <p class="disclaimer">A similarity to the reference clip. Not a medical assessment.</p>
    <${Spoken} live=${live} />
  </main>`;
}
