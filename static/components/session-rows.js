/** Sessions in rows, newest first, page by page. */
import { listSessions } from "../api.js";
import { t } from "../i18n.js";
import { html, useCallback, useEffect, useRef, useState } from "../preact.js";
import { doneOf, inCallWords, sourceWords } from "../session-record.js";
import { clock, scoreLevel, when } from "../words.js";
import { ScoreWord } from "./score-meter.js";

/**
 * The sessions of a member (null: one's own) with one exercise or (null) all, page by page: `{sessions, more, error,
 * older, reload}`; `sessions` is null until the first answer, and while another exercise is asked for. A page has `page`
 * sessions.
 */
export function useSessions(memberId, exerciseId, page) {
  const nothing = { sessions: null, more: false, error: null };
  const [found, setFound] = useState(nothing);
  const [turn, setTurn] = useState(0);
  const asking = useRef(null); // what is asked for now; an answer to something else is late
  const load = async (known) => {
    const signal = asking.current;
    setFound((before) => ({ ...before, error: null }));
    try {
      const before = known.at(-1)?.created_at ?? null;
      const some = await listSessions(memberId, { limit: page, before, exerciseId }, signal);
      setFound({ sessions: [...known, ...some], more: some.length === page, error: null });
    } catch (failure) {
      if (!signal.aborted) setFound((before) => ({ ...before, error: failure.message }));
    }
  };
  useEffect(() => {
    const leaving = new AbortController();
    asking.current = leaving.signal;
    setFound(nothing);
    load([]);
    return () => leaving.abort();
  }, [memberId, exerciseId, turn]);
  const reload = useCallback(() => setTurn((before) => before + 1), []);
  return { ...found, older: () => load(found.sessions), reload };
}

/** `to(session)` is where a row leads. */
export function SessionRows({ sessions, more, older, to }) {
  const list = useRef(null);
  const busy = useRef(false);
  const asked = useRef(null); // how many there were when older ones were asked for
  const show = async () => {
    if (busy.current) return;
    busy.current = true;
    asked.current = sessions.length;
    await older();
    busy.current = false;
  };
  useEffect(() => {
    // The button may be gone; who reads on does so where the older ones begin.
    list.current.children[asked.current]?.querySelector("a").focus();
    asked.current = null;
  }, [sessions.length]);
  return html`<ul class="rows" ref=${list}>
      ${sessions.map((session) => html`<${Row} key=${session.id} session=${session} to=${to(session)} />`)}
    </ul>
    ${more &&
    html`<div class="actions centred">
      <button class="button" onClick=${show}>${t("history.older")}</button>
    </div>`}`;
}

function Row({ session, to }) {
  const score = session.summary?.score ?? null;
  const length = session.summary?.duration_s ?? null;
  const running = session.state !== "ended";
  const parts = [
    when(session.started_at ?? session.created_at),
    length !== null && clock(length),
    doneOf(session),
    session.source !== "live" && sourceWords(session.source),
    inCallWords(session),
  ];
  return html`<li>
    <a class="row" href=${to}>
      <span class=${`row-score number ${scoreLevel(score)}`}>${score === null ? "–" : Math.round(score)}</span>
      <span class="row-words">
        <strong>${session.exercise_name}</strong>
        <span class="row-parts muted">
          ${parts.filter(Boolean).map((part) => html`<span class="part" key=${part}>${part}</span>${" "}`)}
        </span>
      </span>
      ${score !== null && html`<${ScoreWord} score=${score} />`}
      ${score === null && html`<span class="muted">${t(running ? "history.running" : "no_score.title")}</span>`}
    </a>
  </li>`;
}
