/** The call as the member sees it: read from three metres away, and nothing to do but to move. */
import { getExercise } from "../api.js";
import { isAway, liveOfRun, standingWords } from "../call-words.js";
import { aimWords } from "../exercise-words.js";
import { t } from "../i18n.js";
import { useLoaded } from "../loading.js";
import { html, useEffect, useState } from "../preact.js";
import { useSetting } from "../settings.js";
import { useVoice } from "../voice-cues.js";
import { useWakeLock } from "../wake-lock.js";
import { lagWords, scoreLevel } from "../words.js";
import { LeaveCall, OwnButtons } from "./call-bar.js";
import { OwnPicture, RemotePicture } from "./call-picture.js";
import { Quality } from "./call-quality.js";
import { Runs } from "./call-runs.js";
import { Troubles } from "./call-troubles.js";
import { Cue, useShownCue, useSpokenCue } from "./cue.js";
import { Icon } from "./icons.js";
import { LiveRegion } from "./live-region.js";
import { Page } from "./page.js";
import { ReferenceView } from "./reference-view.js";
import { RepetitionCount } from "./repetitions.js";
import { ScoreBar, ScoreWord } from "./score-meter.js";
import { SkeletonToggle, VoiceToggle } from "./session-options.js";
import { Skeleton } from "./skeleton.js";

export function MemberCall({ view }) {
  const { call } = view;
  const [skeletonOn, setSkeletonOn] = useSetting("skeleton", true);
  const [voiceOn, toggleVoice] = useVoice();
  useWakeLock(true);
  const cover = call.coach.present
    ? view.remote === null
      ? t("call.connecting_to", { name: call.coach.name })
      : null
    : t("call.gone_coach", { name: call.coach.name });
  const coach = (kind) => html`<${RemotePicture}
    key="coach"
    kind=${kind}
    stream=${view.remote}
    name=${call.coach.name}
    media=${view.remoteMedia}
    cover=${cover}
  />`;
  const kind = call.run === null ? "talks" : call.run.live ? "follows" : "trains";
  return html`<${Page} kind=${`call member-call ${kind}`}>
    <header class="call-bar">
      <h1>${call.run?.name ?? call.title}</h1>
      <${Quality} quality=${view.quality} peerState=${view.peerState} status=${view.status} />
      ${call.run === null &&
      html`<${SkeletonToggle} on=${skeletonOn} onToggle=${() => setSkeletonOn(!skeletonOn)} />
        <${VoiceToggle} on=${voiceOn} onToggle=${toggleVoice} />`}
      <${OwnButtons} devices=${view.devices} />
      <${LeaveCall} leave=${view.leave} />
    </header>
    ${call.run === null
      ? html`<${Talk} view=${view} coach=${coach} />`
      : html`<${Training} view=${view} coach=${coach} skeletonOn=${skeletonOn} voiceOn=${voiceOn === true} />`}
    <p class="disclaimer">${t("page.disclaimer")}</p>
    <${Troubles} view=${view} />
  <//>`;
}

/** Between exercises: the coach is what matters, and what comes next. */
function Talk({ view, coach }) {
  const { call, results } = view;
  const item = call.current === null ? null : call.program[call.current];
  return html`<div class="call-tiles">
      ${coach("main")}
      <${OwnPicture} kind="you" devices=${view.devices} toldElsewhere />
    </div>
    <div class="call-panel">
      <section class="call-coming" role="status">
        ${call.live_reference !== "off"
          ? html`<p class="muted">${t("call.coming")}</p>
              <p class="call-coming-name">${t("call.coming_live", { name: call.coach.name })}</p>`
          : item === null
            ? html`<p class="call-coming-name">${t("call.coming_none", { name: call.coach.name })}</p>`
            : html`<p class="muted">${t("call.coming")}</p>
                <p class="call-coming-name">${item.name} <span class="muted">${aimWords(item)}</span></p>`}
        <p class="muted">${t("call.coming_says", { name: call.coach.name })}</p>
      </section>
      ${results.length > 0 &&
      html`<section aria-label=${t("call.runs.yours")}><h2>${t("call.runs.yours")}</h2><${Runs} results=${results.slice(-3)} /></section>`}
    </div>`;
}

function Training({ view, coach, skeletonOn, voiceOn }) {
  const { call, devices } = view;
  const { run } = call;
  const live = liveOfRun(view);
  const running = run.state === "running";
  const scoring = running && live.state === "scoring" && live.score !== null;
  const away = isAway(view); // what is shown is the last that was known
  const cue = useShownCue(live.cue);
  const shown = running && !away ? cue : null;
  useSpokenCue(running ? live.cue : null, voiceOn);
  const level = scoring && !away ? scoreLevel(live.score) : "none";
  const counted = run.corrected === null || run.corrected === undefined ? live : { ...live, repetitions: run.corrected };
  const standing = scoring ? null : standingWords(run, live);
  return html`<div class="call-tiles">
      ${run.live ? coach("main") : html`<${Clip} key=${run.exercise_id} id=${run.exercise_id} paused=${run.state === "paused"} />`}
      <${OwnPicture}
        kind=${`you ${level}`}
        devices=${devices}
        toldElsewhere
        overlay=${(video) => skeletonOn && !away && html`<${Skeleton} video=${video} pose=${live.pose} />`}
      >
        ${run.live && scoring && live.lagS !== null && html`<p class="lag number">${lagWords(live.lagS)}</p>`}
      <//>
      ${!run.live && coach("small")}
    </div>
    <div class=${away ? "call-panel stale" : "call-panel"}>
      <div class="headline">
        ${standing !== null
          ? html`<p class=${`state-title ${run.state}`}>${run.state === "paused" && html`<${Icon} name="pause" />`}${standing.title}</p>`
          : shown === null
            ? html`<${ScoreWord} score=${live.score} />`
            : html`<${Cue} cue=${shown} />`}
      </div>
      <section class=${scoring ? "score" : "score waiting"} aria-label=${t("score.label")}>
        ${scoring
          ? html`<span class=${`score-number number ${level} ${Math.round(live.score) === 100 ? "three" : ""}`}>${Math.round(live.score)}</span>`
          : html`<p class="state-hint muted">${standing.hint}</p>`}
        <${ScoreBar} score=${scoring ? live.score : null} />
      </section>
      <${RepetitionCount} live=${counted} />
    </div>
    <p class="visually-hidden" role="status">${running ? "" : standing.title}</p>
    ${running && html`<${LiveRegion} live=${live} cue=${shown} aloud=${voiceOn} />`}`;
}

/** The reference clip; it waits while the coach pauses. */
function Clip({ id, paused }) {
  const { value, error } = useLoaded((signal) => getExercise(id, signal), [id]);
  const [video, setVideo] = useState(null);
  useEffect(() => {
    if (paused) video?.pause();
    else video?.play().catch(() => {}); // it was taken off the page
  }, [video, paused]);
  return html`<figure class="call-picture main them">
    <${ReferenceView} exercise=${error === null ? value : null} plays=${!paused} onVideo=${setVideo}>
      ${error !== null && html`<div class="tile-cover call-cover"><${Icon} name="alert" /><p role="status">${error}</p></div>`}
    <//>
    <figcaption><span class="call-name">${t("reference.caption")}</span></figcaption>
  </figure>`;
}
