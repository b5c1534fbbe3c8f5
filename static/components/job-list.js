/** Comparisons so far and how far they are. */
import { keys, t } from "../i18n.js";
import { isOver } from "../jobs.js";
import { html, useEffect, useRef, useState } from "../preact.js";
import { inWords } from "../refusals.js";
import { address } from "../routes.js";
import { when } from "../words.js";
import { Icon } from "./icons.js";
import { Notice } from "./notice.js";
import { Progress } from "./progress.js";

const STATES = keys({ done: "job.done", failed: "job.failed", cancelled: "job.cancelled" });
const ICONS = { done: "good", failed: "alert", cancelled: "poor" };
const STAGES = keys({ reference: "job.reference", comparing: "job.comparing" });

/** The title's id: who sends a video is led there. */
export const TITLE_ID = "jobs-title";

/** `jobs` is null until they are known; `remove` cancels one, or takes one away that is over. */
export function JobList({ jobs, error, reload, remove }) {
  const said = useSaid(jobs);
  return html`<section>
    <h2 id=${TITLE_ID} class="cards-title" tabindex="-1">${t("job.title")}</h2>
    ${error !== null && html`<${Notice} text=${error} action=${t("action.try_again")} onAction=${reload} />`}
    ${jobs?.length === 0 && html`<p class="muted">${t("job.none")}</p>`}
    ${jobs?.length > 0 &&
    html`<ul class="rows">
      ${jobs.map((job) => html`<${Row} key=${job.id} job=${job} onRemove=${() => remove(job)} />`)}
    </ul>`}
    <p class="visually-hidden" role="status">${said}</p>
  </section>`;
}

function Row({ job, onRemove }) {
  const { state, video_name: name, reference_name: reference, session_id: session } = job;
  const over = isOver(job);
  return html`<li class="job">
    <div class="job-words">
      <strong>${name}</strong>
      <span class="muted">${t("job.with", { name: reference })} · ${when(job.created_at)}</span>
      ${!over && html`<${Progress} label=${t(STAGES[job.stage] ?? "job.waiting")} share=${job.stage ? job.progress : null} />`}
      ${over && html`<span class=${`job-state ${state}`}><${Icon} name=${ICONS[state]} />${t(STATES[state])}</span>`}
      ${job.error !== null && html`<span>${inWords(job.error)}</span>`}
    </div>
    <div class="job-buttons">
      ${session !== null &&
      html`<a class="button primary small" href=${address("summary", { id: session })} aria-label=${t("job.see_one", { name })}>
        ${t("job.see")}
      </a>`}
      ${over
        ? html`<button class="icon-button" aria-label=${t("library.remove_one", { name })} title=${t("library.remove")} onClick=${onRemove}>
            <${Icon} name="trash" />
          </button>`
        : html`<button class="button small" aria-label=${t("library.cancel_one", { name })} onClick=${onRemove}>
            ${t("action.cancel")}
          </button>`}
    </div>
  </li>`;
}

/** What has just become of a job, for who can't see it. */
function useSaid(jobs) {
  const [said, setSaid] = useState("");
  const open = useRef(new Set());
  useEffect(() => {
    const ended = (jobs ?? []).find((job) => open.current.has(job.id) && isOver(job));
    if (ended) setSaid(t("job.said", { name: ended.video_name, state: t(STATES[ended.state]) }));
    open.current = new Set((jobs ?? []).filter((job) => !isOver(job)).map(({ id }) => id));
  }, [jobs]);
  return said;
}
