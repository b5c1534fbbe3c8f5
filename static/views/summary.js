/** A session that is over: its score, what it was made of, and how it went. */
import { getScores, getSession } from "../api.js";
import { Icon } from "../components/icons.js";
import { Notice } from "../components/notice.js";
import { ComponentBars, ScoreRing, ScoreWord } from "../components/score-meter.js";
import { timelineData } from "../live-state.js";
import { html, useEffect, useMemo, useState } from "../preact.js";
import { HISTORY, LIBRARY, exerciseAddress } from "../routes.js";
import { Timeline } from "../timeline.js";
import { attemptsWords, clock, endWords, endedWell, noScoreWords, scoreWord, tempoWords, when } from "../words.js";

/** The server writes the end a moment after the goodbye; how often and how long to ask for it. */
const ASK_MS = 500;
const ASKS = 12;

function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => (clearTimeout(timer), reject(signal.reason)), { once: true });
  });
}

async function finished(id, signal) {
  let session = await getSession(id, signal);
  for (let asked = 1; session.state !== "ended" && asked < ASKS; asked += 1) {
    await pause(ASK_MS, signal);
    session = await getSession(id, signal);
  }
  return { session, scores: await getScores(id, signal) };
}

export function Summary({ id }) {
  const [attempt, setAttempt] = useState(0);
  const [found, setFound] = useState(null);
  const [error, setError] = useState(null);
  useEffect(() => {
    const leaving = new AbortController();
    setError(null);
    finished(id, leaving.signal).then(setFound, (failure) => leaving.signal.aborted || setError(failure.message));
    return () => leaving.abort();
  }, [id, attempt]);

  if (error !== null) {
    return html`<main class="page">
      <a class="back" href=${LIBRARY}><${Icon} name="back" />Library</a>
      <${Notice} text=${error} action="Try again" onAction=${() => setAttempt(attempt + 1)} />
    </main>`;
  }
  if (found === null) return html`<main class="page"><p class="muted" role="status">One moment…</p></main>`;
  return html`<${Report} session=${found.session} scores=${found.scores} />`;
}

function Report({ session, scores }) {
  const { summary, end_reason: reason } = session;
  const score = summary?.score ?? null;
  const running = session.state !== "ended";
  const scored = scores.some(({ score: each }) => each !== null);
  return html`<main class="page summary">
    <div class="page-head">
      <div>
        <a class="back" href=${HISTORY}><${Icon} name="back" />History</a>
        <h1>${session.exercise_name}</h1>
        <p class="muted">${when(session.started_at ?? session.created_at)}</p>
      </div>
      <div class="actions">
        <a class="button" href=${LIBRARY}>Back to library</a>
        ${session.exercise_id !== null &&
        html`<a class="button primary" href=${exerciseAddress(session.exercise_id)}><${Icon} name="again" />Again</a>`}
      </div>
    </div>
    ${running && html`<${Notice} text="This session is still running, perhaps in another tab." />`}
    ${reason !== null && !endedWell(reason) && html`<${Notice} text=${endWords(reason)} />`}
    <div class="summary-top">
      <section class="panel result" aria-label="Result">
        <${ScoreRing} score=${score} />
        <div class="result-words">
          ${score === null
            ? html`<h2>No score</h2><p>${noScoreWords(summary)}</p>`
            : html`<h2><${ScoreWord} score=${score} /></h2>
                <p>${Math.round(score)} of 100 on average over ${clock(summary.scored_s)} of scored movement.</p>`}
        </div>
      </section>
      <section class="panel" aria-label="Components">
        <${ComponentBars} components=${summary?.components ?? null} explain />
      </section>
    </div>
    ${summary !== null && html`<${Facts} summary=${summary} />`}
    ${scored && html`<${Course} scores=${scores} summary=${summary} />`}
  </main>`;
}

function Facts({ summary }) {
  const { repetitions = 0, attempts = 0, held_s: held = null } = summary; // old sessions have none of them
  const facts = [
    (repetitions > 0 || attempts > 0) && ["Repetitions", repetitions, attemptsWords(attempts)],
    held !== null && ["Held", clock(held)],
    ["Duration", clock(summary.duration_s)],
    ["Tempo", tempoWords(summary.tempo) ?? "–"],
    [
      "Best moment",
      summary.best_score === null ? "–" : `${Math.round(summary.best_score)} at ${clock(summary.best_s)}`,
    ],
    ["Interruptions", summary.gaps === 0 ? "None" : String(summary.gaps)],
  ];
  return html`<dl class="facts">
    ${facts.filter(Boolean).map(
      ([name, value, more = null]) => html`<div class="panel fact" key=${name}>
        <dt>${name}</dt>
        <dd class="number">${value}${more !== null && html` <small class="muted">and ${more}</small>`}</dd>
      </div>`,
    )}
  </dl>`;
}

function Course({ scores, summary }) {
  const [point, setPoint] = useState(null);
  const data = useMemo(
    () => timelineData(scores.map(({ t_s: t, score }) => ({ t, score }))),
    [scores],
  );
  const end = Math.max(scores.at(-1).t_s, 5);
  const best =
    summary !== null && summary.best_s !== null ? [{ t: summary.best_s, score: summary.best_score }] : [];
  return html`<section class="panel course">
    <div class="course-head">
      <h2>How it went</h2>
      <p class="muted number" aria-hidden="true">
        ${point === null
          ? best.length > 0 && "The ring marks your best moment"
          : `${clock(point.t)} · ${Math.round(point.score)} · ${scoreWord(point.score)}`}
      </p>
    </div>
    <${Timeline}
      data=${data}
      range=${() => [0, end]}
      marks=${best}
      onPoint=${setPoint}
      label=${courseWords(scores, best)}
    />
  </section>`;
}

/** The chart in words, for those who can't see it. */
function courseWords(scores, best) {
  const numbers = scores.map(({ score }) => score).filter((score) => score !== null);
  const ends = `lowest ${Math.round(Math.min(...numbers))}, highest ${Math.round(Math.max(...numbers))}`;
  const moment = best.length > 0 ? `, best moment at ${clock(best[0].t)}` : "";
  return `Your score over the session: ${ends}${moment}.`;
}
