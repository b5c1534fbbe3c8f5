/** The call as the coach sees it: the member large, how they do beside it, what to do below. */
import { getExercise } from "../api.js";
import { isAway, liveOfRun, momentsOf } from "../call-words.js";
import { t } from "../i18n.js";
import { html, useEffect, useMemo, useRef, useState } from "../preact.js";
import { useSetting } from "../settings.js";
import { useWakeLock } from "../wake-lock.js";
import { EndCall, OwnButtons } from "./call-bar.js";
import { RunButtons } from "./call-controls.js";
import { Marks, NoteForm, useNoting } from "./call-marks.js";
import { OwnPicture, RemotePicture } from "./call-picture.js";
import { Program } from "./call-program.js";
import { Quality } from "./call-quality.js";
import { LiveReference } from "./call-reference.js";
import { Runs } from "./call-runs.js";
import { CoachScore } from "./call-score.js";
import { Troubles } from "./call-troubles.js";
import { Page } from "./page.js";
import { SkeletonToggle } from "./session-options.js";
import { Skeleton } from "./skeleton.js";

/** How long the part of an exercise is, in seconds; null until it is known, and for none. */
function useLength(id) {
  const [known, setKnown] = useState({ id: null, lengthS: null });
  useEffect(() => {
    if (id === null) return undefined;
    const leaving = new AbortController();
    getExercise(id, leaving.signal).then(
      ({ duration_s: lengthS }) => setKnown({ id, lengthS }),
      () => {}, // it has gone: where in it somebody is can't be told
    );
    return () => leaving.abort();
  }, [id]);
  return known.id === id ? known.lengthS : null;
}

const TABS = ["program", "marks", "runs"];

/** What there is to look up, one at a time. */
function Lists({ view, sessionId }) {
  const { call, send, results } = view;
  const [open, setOpen] = useState(TABS[0]);
  const names = {
    program: t("call.program.title"),
    marks: t("call.marks.title", { count: call.marks.length }),
    runs: t("call.runs.title", { count: results.length }),
  };
  return html`<section class="call-lists">
    <fieldset class="segments">
      <legend class="visually-hidden">${t("call.lists")}</legend>
      ${TABS.map(
        (each) => html`<label key=${each}>
          <input type="radio" name="call-list" checked=${open === each} onChange=${() => setOpen(each)} /><span>${names[each]}</span>
        </label>`,
      )}
    </fieldset>
    <div class="call-list" tabindex="0" role="group" aria-label=${names[open]}>
      ${open === "program" && html`<${Program} call=${call} refused=${view.refused} send=${send} />`}
      ${open === "marks" && html`<${Marks} marks=${call.marks} sessionId=${sessionId} />`}
      ${open === "runs" &&
      html`<${Runs}
        results=${results}
        onCorrect=${(id, repetitions) => send("correct", { session_id: id, repetitions })}
      />`}
    </div>
  </section>`;
}

export function CoachCall({ view }) {
  const { call, liveOf, devices, send } = view;
  const live = liveOfRun(view);
  const away = isAway(view); // what is shown is the last that was known
  const { run, member, program, current } = call;
  const [skeletonOn, setSkeletonOn] = useSetting("skeleton", true);
  const [noting, beginNote, endNote] = useNoting();
  useWakeLock(true);
  const side = useRef(null);
  useEffect(() => {
    if (run !== null) side.current.scrollTop = 0; // where it scrolls, the number is above what was chosen
  }, [run === null]);
  const item = current === null ? null : program[current];
  const demonstrates = run === null ? call.live_reference !== "off" : run.live;
  const exerciseId = demonstrates ? null : (run?.exercise_id ?? item?.id ?? null);
  const lengthS = useLength(exerciseId);
  const title = run?.name ?? item?.name ?? t(demonstrates ? "call.reference.own" : "call.no_exercise");
  const sessionId = run?.session_id ?? null;
  const marks = useMemo(() => momentsOf(call.marks, sessionId), [call.marks, sessionId]);
  const cover = member.present ? (view.remote === null ? t("call.connecting_to", { name: member.name }) : null) : t("call.gone", { name: member.name });
  return html`<${Page} kind=${`call coach-call ${call.live_reference === "off" ? "" : "demonstrates"}`}>
    <header class="call-bar">
      <h1>${call.title}</h1>
      <${Quality} quality=${view.quality} peerState=${view.peerState} status=${view.status} />
      <${SkeletonToggle} on=${skeletonOn} onToggle=${() => setSkeletonOn(!skeletonOn)} />
      <${EndCall} send=${send} leave=${view.leave} />
    </header>
    <div class="call-scene">
      <${RemotePicture}
        kind="main"
        stream=${view.remote}
        name=${member.name}
        media=${view.remoteMedia}
        cover=${cover}
        overlay=${(video) => skeletonOn && run !== null && !away && html`<${Skeleton} video=${video} pose=${live.pose} mirrored=${false} />`}
      >
        ${noting !== null && html`<${NoteForm} sinceMs=${noting} send=${send} onClose=${endNote} />`}
      <//>
      <${OwnPicture} kind="inset" devices=${devices} toldElsewhere />
    </div>
    <div class="call-dock">
      <${OwnButtons} devices=${devices} />
      <${RunButtons} call=${call} send=${send} onMark=${beginNote} />
    </div>
    <div ref=${side} class="call-side">
      <${CoachScore}
        run=${run}
        live=${live}
        stale=${away}
        marks=${marks}
        title=${title}
        durationS=${exerciseId === null ? null : lengthS}
        send=${send}
      />
      <${LiveReference} view=${view} />
      <${Lists} view=${view} sessionId=${liveOf} />
    </div>
    <p class="disclaimer">${t("page.disclaimer")}</p>
    <${Troubles} view=${view} />
  <//>`;
}
