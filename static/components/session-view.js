/** A session that is over, from its record: what it came to, how it went, and what was told. */
import { getReport } from "../api.js";
import { capital, language, number, t } from "../i18n.js";
import { Course } from "../plots/course.js";
import { RepetitionPlots } from "../plots/repetitions.js";
import { html, useMemo } from "../preact.js";
import { correctedOf, cueCounts, cuesByRepetition, repetitionsOf, targetOf } from "../session-record.js";
import { attemptsWords, clock, noScoreWords, tempoWords } from "../words.js";
import { sessionFileName } from "./download-menu.js";
import { Icon } from "./icons.js";
import { Moments } from "./moments.js";
import { RepetitionRows } from "./repetition-rows.js";
import { ComponentBars, ScoreRing, ScoreWord } from "./score-meter.js";

/** `own`: the person who trained reads it, and not their coach. */
export function SessionView({ record, own }) {
  const { session, scores, moments } = record;
  const { reps, others } = useMemo(() => cuesByRepetition(record.repetitions, record.cues), [record]);
  const counted = session.kind !== "routine" && reps.length > 0;
  return html`<div class="session-view">
    <div class="summary-top">
      <${Result} session=${session} own=${own} />
      <section class="panel" aria-label=${t("score.components")}>
        <${ComponentBars} components=${session.summary?.components ?? null} explain=${own} />
      </section>
    </div>
    ${session.summary !== null && html`<${Facts} session=${session} />`}
    ${scores.length > 0 && html`<section class="panel"><${Course} record=${record} /></section>`}
    <${Moments} exerciseId=${session.exercise_id} moments=${moments} />
    ${counted && html`<${Repetitions} reps=${reps} />`}
    <${Told} cues=${counted ? others : record.cues} own=${own} />
  </div>`;
}

/** The reports of a session for a `DownloadMenu`; `memberId` null: one's own. */
export const reportFiles = (memberId, session) => [
  report(memberId, session, "pdf", t("download.pdf")),
  report(memberId, session, "html", t("download.html")),
];

const report = (memberId, session, ending, text) => ({
  text,
  name: sessionFileName(session, ending),
  load: () => getReport(memberId, session.id, ending, language),
});

function Result({ session, own }) {
  const { summary } = session;
  const score = summary?.score ?? null;
  const target = targetOf(session);
  return html`<section class="panel result" aria-label=${t("summary.result")}>
    <${ScoreRing} score=${score} />
    <div class="result-words">
      ${score === null
        ? html`<h2>${t("no_score.title")}</h2>
            ${own && html`<p>${noScoreWords(summary)}</p>`}`
        : html`<h2><${ScoreWord} score=${score} /></h2>
            <p>${t("summary.average", { score: Math.round(score), time: clock(summary.scored_s) })}</p>`}
      ${target !== null && html`<${Target} ...${target} />`}
    </div>
  </section>`;
}

function Target({ words, reached }) {
  return html`<p class=${`result-target ${reached ? "reached" : ""}`}>
    <${Icon} name=${reached ? "good" : "target"} />
    <span>
      <strong class="number">${words}</strong> ${t(reached ? "summary.target.reached" : "summary.target.missed")}
    </span>
  </p>`;
}

function Facts({ session }) {
  const { kind, summary } = session;
  const { held_s: held = null } = summary; // old sessions have none
  const facts = [
    kind !== "routine" && countFact(session),
    held !== null && [t("held.label"), clock(held)],
    [t("summary.duration"), clock(summary.duration_s)],
    [t("report.scored"), clock(summary.scored_s)],
    [t("tempo.label"), capital(tempoWords(summary.tempo) ?? "–")],
    [t("summary.interruptions"), summary.gaps === 0 ? t("summary.no_interruptions") : number(summary.gaps)],
  ];
  return html`<dl class="facts">
    ${facts.filter(Boolean).map(
      ([name, value, more = null]) => html`<div class="panel fact" key=${name}>
        <dt>${name}</dt>
        <dd class="number">${value}${more !== null && html` <small class="muted">${more}</small>`}</dd>
      </div>`,
    )}
  </dl>`;
}

/** How many repetitions there were, with what the machine counted where somebody corrected it; null without any. */
function countFact(session) {
  const { repetitions = 0, attempts = 0 } = session.summary; // old sessions have none of them
  const corrected = correctedOf(session) !== null;
  if (!corrected && repetitions === 0 && attempts === 0) return null;
  const others = attemptsWords(attempts);
  const more = corrected
    ? t("reps.corrected_from", { count: repetitions })
    : others && t("summary.and", { more: others });
  return [t("reps.label"), number(repetitionsOf(session)), more];
}

function Repetitions({ reps }) {
  const valid = reps.filter((rep) => rep.valid).length;
  const attempts = t("reps.attempts", { count: reps.length - valid });
  return html`<section class="panel reps-section" aria-labelledby="repetitions">
    <h2 id="repetitions">${t("report.repetitions")}</h2>
    <${RepetitionPlots} reps=${reps} label=${t("report.repetitions_words", { count: valid, attempts })} />
    <${RepetitionRows} reps=${reps} />
  </section>`;
}

/** What was told without a repetition to which it belongs, for example while a posture was held. */
function Told({ cues, own }) {
  if (cues.length === 0) return null;
  return html`<section class="panel told" aria-labelledby="told">
    <h2 id="told">${t(own ? "summary.told" : "summary.told_member")}</h2>
    <ul class="told-list">
      ${cueCounts(cues).map(([words, count]) => html`<li key=${words}>${t("report.times", { text: words, count })}</li>`)}
    </ul>
  </section>`;
}
