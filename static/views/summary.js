/** A session of one's own that is over. */
import { deleteRecord, exportSession, getRecord, getSession } from "../api.js";
import { Confirm } from "../components/dialog.js";
import { DownloadMenu, sessionFileName } from "../components/download-menu.js";
import { Icon } from "../components/icons.js";
import { Notice } from "../components/notice.js";
import { Page, PageHead } from "../components/page.js";
import { SessionView, reportFiles } from "../components/session-view.js";
import { t } from "../i18n.js";
import { Loaded, useLoaded } from "../loading.js";
import { pause } from "../pause.js";
import { html, useState } from "../preact.js";
import { address } from "../routes.js";
import { inCallWords, sourceWords } from "../session-record.js";
import { endWords, endedWell, when } from "../words.js";

/** The server writes the end a moment after the goodbye; how often and how long to ask for it. */
const ASK_MS = 500;
const ASKS = 12;

async function finished(id, signal) {
  let session = await getSession(id, signal);
  for (let asked = 1; session.state !== "ended" && asked < ASKS; asked += 1) {
    await pause(ASK_MS, signal);
    session = await getSession(id, signal);
  }
  return getRecord(null, id, signal);
}

const back = () => ({ href: address("history"), text: t("view.history") });

export function Summary({ id }) {
  const loaded = useLoaded((signal) => finished(id, signal), [id]);
  if (loaded.value !== null) return html`<${Ended} record=${loaded.value} />`;
  return html`<${Page}>
    <${PageHead} title=${t("view.summary")} back=${back()} />
    <${Loaded} loaded=${loaded} />
  <//>`;
}

function Ended({ record }) {
  const { session } = record;
  const { end_reason: reason } = session;
  const [error, setError] = useState(null);
  const running = session.state !== "ended";
  const says = [when(session.started_at ?? session.created_at), sourceWords(session.source), inCallWords(session)];
  return html`<${Page} kind="page summary">
    <${PageHead} title=${session.exercise_name} says=${says.filter((words) => words !== null).join(" · ")} back=${back()}>
      ${!running && html`<${DownloadMenu} text=${t("download.title")} files=${filesOf(session)} onError=${setError} />`}
      ${session.call_id !== null &&
      html`<a class="button" href=${address("callRecord", { id: session.call_id })}>
        <${Icon} name="calls" />${t("summary.call_record")}
      </a>`}
      ${session.exercise_id !== null &&
      !session.in_call && // which may have shown an exercise that is not for the person alone
      html`<a class="button primary" href=${address("session", { id: session.exercise_id })}>
        <${Icon} name="again" />${t("summary.again")}
      </a>`}
    <//>
    ${running && html`<${Notice} text=${t("summary.running")} />`}
    ${reason !== null && !endedWell(reason) && html`<${Notice} text=${endWords(reason)} />`}
    ${error !== null && html`<${Notice} text=${error} />`}
    <${SessionView} record=${record} own />
    ${!running && html`<${Delete} session=${session} onError=${setError} />`}
  <//>`;
}

const filesOf = (session) => [
  ...reportFiles(null, session),
  sessionFile(session, "csv", t("download.session_csv")),
  sessionFile(session, "json", t("download.session_json")),
];

const sessionFile = (session, ending, text) => ({
  text,
  name: sessionFileName(session, ending),
  load: () => exportSession(session.id, ending),
});

function Delete({ session, onError }) {
  const [asking, setAsking] = useState(false);
  const remove = async () => {
    setAsking(false);
    try {
      await deleteRecord(session.id);
      window.location.hash = address("history");
    } catch (failure) {
      onError(failure.message);
    }
  };
  return html`<div class="actions summary-delete">
    <button class="button quiet" onClick=${() => setAsking(true)}><${Icon} name="trash" />${t("summary.delete")}</button>
    ${asking &&
    html`<${Confirm}
      title=${t("summary.delete_title")}
      text=${t("summary.delete_text")}
      action=${t("action.delete")}
      onConfirm=${remove}
      onClose=${() => setAsking(false)}
    />`}
  </div>`;
}
