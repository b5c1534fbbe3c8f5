/** Compare a video that somebody has already with a reference; the server does it in its own time. */
import { compareVideo, deleteJob, listJobs } from "../api.js";
import { Dialog } from "../components/dialog.js";
import { Thumbnail } from "../components/exercise-card.js";
import { Icon } from "../components/icons.js";
import { JobList, TITLE_ID } from "../components/job-list.js";
import { Notice } from "../components/notice.js";
import { Page, PageHead } from "../components/page.js";
import { Progress } from "../components/progress.js";
import { Select } from "../components/select.js";
import { VideoFile } from "../components/video-file.js";
import { useConsent } from "../consent.js";
import { useFileDrop } from "../file-drop.js";
import { t } from "../i18n.js";
import { followJob, isOver } from "../jobs.js";
import { pictureOf } from "../library.js";
import { html, useCallback, useEffect, useId, useRef, useState } from "../preact.js";
import { useUnsaved } from "../unsaved.js";

const JOBS = 50;

/** The person's jobs, newest first, and what becomes of those that are not over: `{jobs, error, reload, remove}`. */
function useJobs() {
  const [jobs, setJobs] = useState(null);
  const [error, setError] = useState(null);
  const reload = useCallback(async () => {
    setError(null);
    try {
      setJobs(await listJobs(JOBS));
    } catch (failure) {
      setError(failure.message);
    }
  }, []);
  useEffect(() => void reload(), []);

  // One is compared at a time, the oldest first; a connection for each of the others would tell nothing.
  const next = jobs?.findLast((job) => !isOver(job))?.id ?? null;
  useEffect(() => {
    if (next === null) return undefined;
    const leaving = new AbortController();
    const tell = (fields) =>
      setJobs((known) => known.map((job) => (job.id === next ? { ...job, ...fields } : job)));
    followJob(next, (progress) => tell({ ...progress, state: "running" }), leaving.signal).then(
      (job) => (job === null ? setJobs((known) => known.filter(({ id }) => id !== next)) : tell(job)),
      () => {}, // somebody left
    );
    return () => leaving.abort();
  }, [next]);

  /** Cancel a job, or forget one that is over. */
  const remove = async (job) => {
    try {
      await deleteJob(job.id);
    } catch (failure) {
      if (failure.status !== 404) {
        setError(failure.message);
        return;
      }
    }
    await reload();
  };
  return { jobs, error, reload, remove };
}

export function Compare({ library }) {
  const [video, setVideo] = useState(null);
  const [other, setOther] = useState(null); // a video to compare with
  const [exerciseId, setExerciseId] = useState("");
  const [source, setSource] = useState("library"); // or "file"
  const [share, setShare] = useState(null); // of what is being sent
  const [error, setError] = useState(null);
  const [ask, question] = useConsent();
  const sending = useRef(null);
  const list = useJobs();
  const { to, stay, leave } = useUnsaved(share !== null);
  useEffect(() => void library.reload(), []);
  useEffect(() => () => sending.current?.abort(), []);

  const [dragging, drop] = useFileDrop((files) => {
    if (share !== null) return;
    const [first, second = null] = video === null ? files : [null, ...files];
    if (first !== null) setVideo(first);
    if (second !== null) {
      setOther(second);
      setSource("file");
    }
  });

  const exercises = (library.exercises ?? []).filter(({ state }) => state === "ready");
  const exercise = exercises.find(({ id }) => id === exerciseId) ?? null;
  const reference = source === "library" ? exercise && { exerciseId } : other && { file: other };
  const send = async (event) => {
    event.preventDefault();
    if (sending.current !== null) return; // pressed twice
    setError(null);
    const cancelling = new AbortController();
    sending.current = cancelling;
    try {
      if (!(await ask("scoring"))) return;
      setShare(0);
      await compareVideo(video, reference, setShare, cancelling.signal);
      setVideo(null);
      setOther(null);
      await list.reload();
      document.getElementById(TITLE_ID).focus(); // the button that was pressed is gone
    } catch (failure) {
      if (!cancelling.signal.aborted) setError(failure.message);
    } finally {
      sending.current = null;
      setShare(null);
    }
  };

  return html`<${Page} kind=${dragging ? "page compare-page dragging" : "page compare-page"} ...${drop}>
    <${PageHead} title=${t("view.compare")} says=${t("compare.says")} />
    <form class="compare-form" onSubmit=${send}>
      <div class="compare-sides">
        <section class="panel compare-side" aria-labelledby="compare-video">
          <h2 id="compare-video">${t("compare.video")}</h2>
          <${VideoFile} file=${video} label=${t("compare.video")} onFile=${setVideo} disabled=${share !== null} />
        </section>
        <section class="panel compare-side" aria-labelledby="compare-with">
          <h2 id="compare-with">${t("compare.with")}</h2>
          <${Source} source=${source} onSource=${setSource} disabled=${share !== null} />
          ${source === "library"
            ? html`<${Choice}
                exercises=${exercises}
                exercise=${exercise}
                waiting=${library.exercises === null}
                onChoice=${setExerciseId}
                disabled=${share !== null}
              />`
            : html`<${VideoFile} file=${other} label=${t("compare.other")} onFile=${setOther} disabled=${share !== null} />`}
        </section>
      </div>
      ${library.error !== null && html`<${Notice} text=${library.error} action=${t("action.try_again")} onAction=${library.reload} />`}
      ${error !== null && html`<${Notice} text=${error} />`}
      ${share === null
        ? html`<div class="compare-actions">
            ${source === "file" &&
            video !== null &&
            other !== null &&
            html`<button
              type="button"
              class="button"
              onClick=${() => {
                setVideo(other);
                setOther(video);
              }}
            >
              <${Icon} name="swap" />${t("compare.swap")}
            </button>`}
            <button class="button primary big" disabled=${video === null || reference === null}>
              <${Icon} name="compare" />${t("compare.submit")}
            </button>
          </div>`
        : html`<div class="compare-sending">
            <${Progress} label=${t(share < 1 ? "library.uploading" : "compare.checking")} share=${share < 1 ? share : null} />
            <button type="button" class="button" onClick=${() => sending.current?.abort()}>${t("action.cancel")}</button>
          </div>`}
    </form>
    <${JobList} ...${list} />
    ${dragging && html`<div class="drop-hint"><${Icon} name="upload" />${t(video === null ? "compare.drop" : "compare.drop_other")}</div>`}
    ${to !== null &&
    html`<${Dialog} title=${t("compare.leave_title")} onClose=${stay}>
      <p>${t("compare.leave_text")}</p>
      <div class="actions">
        <button class="button quiet" onClick=${() => leave()}>${t("compare.leave")}</button>
        <button class="button primary" onClick=${stay} autofocus>${t("compare.stay")}</button>
      </div>
    <//>`}
    ${question}
  <//>`;
}

function Source({ source, onSource, disabled }) {
  const name = useId();
  const option = (key, text) => html`<label>
    <input type="radio" name=${name} checked=${source === key} disabled=${disabled} onChange=${() => onSource(key)} />
    <span>${text}</span>
  </label>`;
  return html`<fieldset class="segments">
    <legend class="visually-hidden">${t("compare.source")}</legend>
    ${option("library", t("compare.source_library"))} ${option("file", t("compare.source_file"))}
  </fieldset>`;
}

/** An exercise of the library. */
function Choice({ exercises, exercise, waiting, onChoice, disabled }) {
  const id = useId();
  const options = (own) =>
    exercises
      .filter(({ mine }) => mine === own)
      .map((each) => html`<option key=${each.id} value=${each.id}>${each.name}</option>`);
  const groups = [
    [t("library.own"), options(true)],
    [t("library.shared"), options(false)],
  ].filter(([, found]) => found.length > 0);
  if (!waiting && exercises.length === 0) return html`<p class="muted">${t("compare.no_exercises")}</p>`;
  return html`<div class="field">
      <label for=${id}>${t("compare.exercise")}</label>
      <${Select} id=${id} value=${exercise?.id ?? ""} disabled=${disabled} onChange=${({ currentTarget }) => onChoice(currentTarget.value)}>
        <option value="" disabled>${t("compare.choose")}</option>
        ${groups.map(([label, found]) =>
          groups.length > 1 ? html`<optgroup key=${label} label=${label}>${found}</optgroup>` : found,
        )}
      <//>
    </div>
    ${exercise !== null && html`<${Thumbnail} path=${pictureOf(exercise)} mirrored=${exercise.mirrored} />`}`;
}
