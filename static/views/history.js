/** The sessions so far, newest first. */
import { listSessions } from "../api.js";
import { Figures } from "../components/figures.js";
import { Notice } from "../components/notice.js";
import { ScoreWord } from "../components/score-meter.js";
import { html, useEffect, useState } from "../preact.js";
import { LIBRARY, summaryAddress } from "../routes.js";
import { clock, scoreLevel, when } from "../words.js";

const PAGE = 50;

export function History() {
  const [sessions, setSessions] = useState(null);
  const [more, setMore] = useState(false);
  const [error, setError] = useState(null);
  const load = async (before, known) => {
    setError(null);
    try {
      const found = await listSessions(PAGE, before);
      setSessions([...known, ...found]);
      setMore(found.length === PAGE);
    } catch (failure) {
      setError(failure.message);
    }
  };
  useEffect(() => void load(null, []), []);

  return html`<main class="page">
    ${sessions?.length === 0
      ? html`<section class="empty">
          <${Figures} />
          <h1>No sessions yet</h1>
          <p>Each session you finish is kept here with its score.</p>
          <div class="actions"><a class="button primary" href=${LIBRARY}>Choose a reference</a></div>
        </section>`
      : html`<div class="page-head">
          <div><h1>Your sessions</h1><p class="muted">Newest first.</p></div>
        </div>`}
    ${error !== null &&
    html`<${Notice} text=${error} action="Try again" onAction=${() => load(null, [])} />`}
    ${sessions === null && error === null && html`<p class="muted" role="status">One moment…</p>`}
    ${sessions?.length > 0 &&
    html`<ul class="rows">
      ${sessions.map((session) => html`<${Row} key=${session.id} session=${session} />`)}
    </ul>`}
    ${more &&
    html`<div class="actions centred">
      <button class="button" onClick=${() => load(sessions.at(-1).created_at, sessions)}>Show older</button>
    </div>`}
  </main>`;
}

function Row({ session }) {
  const score = session.summary?.score ?? null;
  const length = session.summary?.duration_s ?? null;
  const running = session.state !== "ended";
  return html`<li>
    <a class="row" href=${summaryAddress(session.id)}>
      <span class=${`row-score number ${scoreLevel(score)}`}>${score === null ? "–" : Math.round(score)}</span>
      <span class="row-words">
        <strong>${session.exercise_name}</strong>
        <span class="muted">
          <span class="part">${when(session.started_at ?? session.created_at)}</span>
          ${length !== null && html` <span class="part length">· ${clock(length)}</span>`}
        </span>
      </span>
      ${score !== null && html`<${ScoreWord} score=${score} />`}
      ${score === null && html`<span class="muted">${running ? "Running" : "No score"}</span>`}
    </a>
  </li>`;
}
