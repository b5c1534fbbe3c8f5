/** The best and the lowest moment of a session, each with what the reference showed then. */
import { getExercise, getFrame } from "../api.js";
import { t } from "../i18n.js";
import { useLoaded } from "../loading.js";
import { useObjectUrl } from "../media.js";
import { html } from "../preact.js";
import { clock, duration } from "../words.js";
import { Icon } from "./icons.js";
import { ScoreWord } from "./score-meter.js";

/** `exerciseId` is null where the exercise is gone; `moments` are those of a record. */
export function Moments({ exerciseId, moments: { best, worst } }) {
  // Asked for once: who may not see it, a coach for example, gets no picture of it either.
  const { value: exercise, error } = useLoaded(
    async (signal) => (exerciseId === null ? null : getExercise(exerciseId, signal)),
    [exerciseId],
  );
  if (best === null && worst === null) return null;
  const gone = exerciseId === null || error !== null;
  return html`<section class="panel" aria-labelledby="moments">
    <h2 id="moments">${t("report.moments")}</h2>
    <div class=${gone ? "moments-pair without" : "moments-pair"}>
      ${best !== null && html`<${Scene} title=${t("summary.best")} moment=${best} exercise=${exercise} gone=${gone} />`}
      ${worst !== null && html`<${Scene} title=${t("report.worst")} moment=${worst} exercise=${exercise} gone=${gone} />`}
    </div>
    ${gone && html`<p class="muted moments-gone">${t("report.no_picture")}</p>`}
  </section>`;
}

function Scene({ title, moment: { t_s: at, score, clip_s: clipS }, exercise, gone }) {
  const id = clipS === null ? null : (exercise?.id ?? null);
  const { value: picture, error } = useLoaded(async (signal) => (id === null ? null : getFrame(id, clipS, signal)), [id, clipS]);
  const url = useObjectUrl(picture);
  const where = clipS === null ? null : t("report.reference_at", { time: duration(clipS) });
  return html`<figure class="moment">
    ${!gone &&
    html`<div class="moment-picture">
      ${url !== null && html`<img src=${url} alt=${where} class=${exercise.mirrored ? "mirrored" : undefined} />`}
      ${(clipS === null || error !== null) &&
      html`<p class="muted"><${Icon} name="noPerson" />${t("report.no_picture")}</p>`}
    </div>`}
    <figcaption>
      <h3>${title}</h3>
      <p class="moment-score number">${t("summary.best_at", { score: Math.round(score), time: clock(at) })}</p>
      <${ScoreWord} score=${score} />
      ${where !== null && html`<p class="muted number">${where}</p>`}
    </figcaption>
  </figure>`;
}
