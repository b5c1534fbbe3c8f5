/** What was done in a call: each exercise that was tried, and the marks. */
import { courseOf, lineOf } from "../call-record.js";
import { t } from "../i18n.js";
import { html, useMemo } from "../preact.js";
import { address } from "../routes.js";
import { doneOf, repetitionsWords } from "../session-record.js";
import { clock, scoreLevel, timeOfDay } from "../words.js";
import { Icon } from "./icons.js";
import { ScoreWord } from "./score-meter.js";

/**
 * With `coach`, a count can be corrected and a mark deleted: `onCorrect` gets the session, `onDeleteMark` the mark.
 */
export function CallCourse({ record, coach, onCorrect, onDeleteMark }) {
  const course = useMemo(() => courseOf(record), [record]);
  const mark = (each) => html`<${Mark} key=${each.id} mark=${each} onDelete=${coach ? onDeleteMark : null} />`;
  return html`<${Line} record=${record} />
    <ol class="tried-list">
      ${course.map(({ session, marks, mark: alone }) =>
        session === undefined
          ? html`<li key=${alone.id} class="panel tried-alone"><ul class="tried-marks">${mark(alone)}</ul></li>`
          : html`<li key=${session.id} class="panel tried">
              <${Run} callId=${record.call.id} session=${session} onCorrect=${coach ? onCorrect : null} />
              ${marks.length > 0 && html`<ul class="tried-marks">${marks.map(mark)}</ul>`}
            </li>`,
      )}
    </ol>`;
}

/** The whole call as a line, for an overview; all of it is in the list as well. */
function Line({ record }) {
  const line = useMemo(() => lineOf(record), [record]);
  if (line === null) return null;
  const percent = (share) => `${(share * 100).toFixed(2)}%`;
  return html`<div class="tried-line" aria-hidden="true">
    ${line.sessions.map(
      ({ id, from, to }) => html`<span key=${id} class="tried-line-run" style=${{ left: percent(from), width: percent(to - from) }}></span>`,
    )}
    ${line.marks.map(({ id, at }) => html`<span key=${id} class="tried-line-mark" style=${{ left: percent(at) }}></span>`)}
  </div>`;
}

function Run({ callId, session, onCorrect }) {
  const { id, exercise_name: name, kind, summary, state } = session;
  const score = summary?.score ?? null;
  const counted = kind === "repetitions";
  const parts = [
    timeOfDay(session.started_at ?? session.created_at),
    summary !== null && clock(summary.duration_s),
    summary !== null && (doneOf(session) ?? (counted && repetitionsWords(session))),
    kind === "hold" && session.target === null && summary?.held_s != null && t("call_record.held", { time: clock(summary.held_s) }),
  ];
  return html`<div class="tried-row">
    <span class=${`row-score number ${scoreLevel(score)}`}>${score === null ? "–" : Math.round(score)}</span>
    <div class="row-words">
      <a href=${address("callSession", { id: callId, session: id })}><strong>${name}</strong></a>
      <span class="row-parts muted">
        ${parts.filter(Boolean).map((part) => html`<span class="part" key=${part}>${part}</span>${" "}`)}
      </span>
    </div>
    ${score !== null && html`<${ScoreWord} score=${score} />`}
    ${score === null && html`<span class="muted">${t(state === "ended" ? "no_score.title" : "history.running")}</span>`}
    ${onCorrect !== null &&
    counted &&
    summary !== null &&
    html`<button class="button small" onClick=${() => onCorrect(session)} aria-label=${t("call_record.correct_one", { name })}>
      ${t("call_record.correct")}
    </button>`}
  </div>`;
}

function Mark({ mark, onDelete }) {
  const { at, t_s: tS, note } = mark;
  return html`<li class="tried-mark">
    <${Icon} name="flag" />
    <span class="tried-mark-time number muted">${tS === null ? timeOfDay(at) : clock(tS)}</span>
    <span class="tried-mark-note">${note}</span>
    ${onDelete !== null &&
    html`<button class="icon-button" onClick=${() => onDelete(mark)} aria-label=${t("call_record.mark.delete_one", { note })} title=${t("action.delete")}>
      <${Icon} name="trash" />
    </button>`}
  </li>`;
}
