/** A session of a member, for their coach: to read, and as a report. */
import { getRecord, listMembers } from "../api.js";
import { DownloadMenu } from "../components/download-menu.js";
import { Notice } from "../components/notice.js";
import { Page, PageHead } from "../components/page.js";
import { SessionView, reportFiles } from "../components/session-view.js";
import { t } from "../i18n.js";
import { Loaded, useLoaded } from "../loading.js";
import { html, useState } from "../preact.js";
import { address } from "../routes.js";
import { sourceWords } from "../session-record.js";
import { when } from "../words.js";

export function MemberSession({ id, session }) {
  const members = useLoaded(listMembers);
  const loaded = useLoaded((signal) => getRecord(id, session, signal), [id, session]);
  const name = members.value?.find((member) => member.id === id)?.name ?? t("view.member");
  const back = { href: address("member", { id }), text: name };
  if (loaded.value !== null) return html`<${Ended} memberId=${id} record=${loaded.value} back=${back} />`;
  return html`<${Page}>
    <${PageHead} title=${t("view.summary")} back=${back} />
    <${Loaded} loaded=${loaded} />
  <//>`;
}

function Ended({ memberId, record, back }) {
  const { session } = record;
  const [error, setError] = useState(null);
  const running = session.state !== "ended";
  const says = [when(session.started_at ?? session.created_at), sourceWords(session.source)];
  return html`<${Page} kind="page summary">
    <${PageHead} title=${session.exercise_name} says=${says.filter((words) => words !== null).join(" · ")} back=${back}>
      ${!running &&
      html`<${DownloadMenu} text=${t("download.title")} files=${reportFiles(memberId, session)} onError=${setError} />`}
    <//>
    ${running && html`<p class="muted">${t("history.running")}</p>`}
    ${error !== null && html`<${Notice} text=${error} />`}
    <${SessionView} record=${record} own=${false} />
  <//>`;
}
