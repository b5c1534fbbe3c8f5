/** One exercise that was tried in a call, for both. */
import { getCall, getCallSession } from "../api.js";
import { DownloadMenu } from "../components/download-menu.js";
import { Notice } from "../components/notice.js";
import { Page, PageHead } from "../components/page.js";
import { SessionView, reportFiles } from "../components/session-view.js";
import { t } from "../i18n.js";
import { Loaded, useLoaded } from "../loading.js";
import { html, useState } from "../preact.js";
import { address } from "../routes.js";
import { inCallWords } from "../session-record.js";
import { when } from "../words.js";

export function CallSession({ id, session }) {
  const loaded = useLoaded(async (signal) => {
    const [call, record] = await Promise.all([getCall(id, signal), getCallSession(id, session, signal)]);
    return { call, record };
  }, [id, session]);
  const back = { href: address("callRecord", { id }), text: loaded.value?.call.title ?? t("view.call_record") };
  if (loaded.value !== null) return html`<${Found} ...${loaded.value} back=${back} />`;
  return html`<${Page}>
    <${PageHead} title=${t("view.summary")} back=${back} />
    <${Loaded} loaded=${loaded} />
  <//>`;
}

function Found({ call, record, back }) {
  const { session } = record;
  const [error, setError] = useState(null);
  const own = call.role === "member";
  const running = session.state !== "ended";
  const says = [when(session.started_at ?? session.created_at), inCallWords(session)];
  return html`<${Page} kind="page summary">
    <${PageHead} title=${session.exercise_name} says=${says.filter(Boolean).join(" · ")} back=${back}>
      ${own &&
      !running &&
      html`<${DownloadMenu} text=${t("download.title")} files=${reportFiles(null, session)} onError=${setError} />`}
    <//>
    ${running && html`<p class="muted">${t("history.running")}</p>`}
    ${error !== null && html`<${Notice} text=${error} />`}
    <${SessionView} record=${record} own=${own} />
  <//>`;
}
