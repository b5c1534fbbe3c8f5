/** What remains of a call, one record for both: what was tried, the marks, and the coach's notes. */
import { callFiles, deleteCall, deleteMark, getCallRecord } from "../api.js";
import { spanOf } from "../call-record.js";
import { canEnter, otherName, stageOf, stageWords } from "../calls.js";
import { CallCourse } from "../components/call-course.js";
import { CallNotes } from "../components/call-notes.js";
import { AddMark, CorrectCount } from "../components/call-record-dialogs.js";
import { EnterCall } from "../components/call-rows.js";
import { Confirm } from "../components/dialog.js";
import { DownloadMenu, callFileName } from "../components/download-menu.js";
import { Icon } from "../components/icons.js";
import { Notice } from "../components/notice.js";
import { Page, PageHead } from "../components/page.js";
import { language, number, t } from "../i18n.js";
import { Loaded, useLoaded } from "../loading.js";
import { html, useState } from "../preact.js";
import { address } from "../routes.js";
import { useSeenAgain } from "../seen-again.js";
import { clock, when } from "../words.js";

const back = () => ({ href: address("calls"), text: t("view.calls") });

export function CallRecord({ id }) {
  const loaded = useLoaded((signal) => getCallRecord(id, signal), [id]);
  useSeenAgain(loaded.reload);
  if (loaded.value !== null) return html`<${Found} record=${loaded.value} failed=${loaded.error} onChanged=${loaded.reload} />`;
  return html`<${Page}>
    <${PageHead} title=${t("view.call_record")} back=${back()} />
    <${Loaded} loaded=${loaded} />
  <//>`;
}

function Found({ record, failed, onChanged }) {
  const { call, sessions, marks } = record;
  const [error, setError] = useState(null);
  const [deleting, setDeleting] = useState(false);
  const [asking, setAsking] = useState(null); // "mark", {correct: session} or {deleted: mark}
  const close = () => setAsking(null);
  const removeMark = async () => {
    close();
    setError(null);
    try {
      await deleteMark(call.id, asking.deleted.id);
    } catch (failure) {
      setError(failure.message);
    }
    onChanged();
  };
  const coach = call.role === "coach";
  const span = spanOf(record);
  const held = span !== null;
  const name = otherName(call);
  const says = [when(call.starts_at ?? span?.from ?? call.created_at), name && t("calls.with", { name })];
  return html`<${Page} kind="page call-record">
    <${PageHead} title=${call.title} says=${says.filter(Boolean).join(" · ")} back=${back()}>
      ${held && html`<${DownloadMenu} text=${t("download.title")} files=${filesOf(call)} onError=${setError} />`}
      ${canEnter(call) && html`<${EnterCall} call=${call} />`}
    <//>
    ${(error ?? failed) !== null && html`<${Notice} text=${error ?? failed} />`}
    ${call.state !== "ended" &&
    html`<p class="call-stage ${stageOf(call)}" role="status">
      ${stageOf(call) === "running" ? t("call_record.running") : `${stageWords(call)}. ${t("call_record.not_yet")}`}
    </p>`}
    ${held && html`<${Facts} record=${record} />`}
    <section class="call-part" aria-labelledby="course">
      <div class="call-part-head">
        <h2 id="course">${t("call_record.course")}</h2>
        ${coach &&
        html`<button class="button small" onClick=${() => setAsking("mark")}><${Icon} name="flag" />${t("call_record.mark.add")}</button>`}
      </div>
      ${sessions.length === 0 && html`<p class="muted">${t(held ? "call_record.empty" : "call_record.nothing_yet")}</p>`}
      ${sessions.length + marks.length > 0 &&
      html`<${CallCourse}
        record=${record}
        coach=${coach}
        onCorrect=${(session) => setAsking({ correct: session })}
        onDeleteMark=${(mark) => setAsking({ deleted: mark })}
      />`}
    </section>
    <${CallNotes} call=${call} leaving=${deleting} />
    <${Delete} call=${call} onDeleting=${setDeleting} onError=${setError} />
    ${asking === "mark" && html`<${AddMark} callId=${call.id} sessions=${sessions} onDone=${onChanged} onClose=${close} />`}
    ${asking?.correct && html`<${CorrectCount} callId=${call.id} session=${asking.correct} onDone=${onChanged} onClose=${close} />`}
    ${asking?.deleted &&
    html`<${Confirm}
      title=${t("call_record.mark.delete_title")}
      text=${asking.deleted.note}
      action=${t("action.delete")}
      onConfirm=${removeMark}
      onClose=${close}
    />`}
  <//>`;
}

function Facts({ record }) {
  const { sessions, marks } = record;
  const { from, to } = spanOf(record);
  const facts = [
    [t("call_record.began"), when(from)],
    [t("summary.duration"), to === null ? "–" : clock((to - from) / 1000)],
    [t("call_record.exercises"), number(sessions.length)],
    [t("call_record.marks"), number(marks.length)],
  ];
  return html`<dl class="facts">
    ${facts.map(
      ([what, value]) => html`<div class="panel fact" key=${what}>
        <dt>${what}</dt>
        <dd class="number">${value}</dd>
      </div>`,
    )}
  </dl>`;
}

function filesOf(call) {
  const files = callFiles(call.id);
  const file = (ending, text, load) => ({ text, name: callFileName(call, ending), load });
  return [
    file("pdf", t("download.pdf"), () => files.pdf(language)),
    file("html", t("download.html"), () => files.html(language)),
    file("json", t("call_record.json"), files.json),
  ];
}

function Delete({ call, onDeleting, onError }) {
  const [asking, setAsking] = useState(false);
  const remove = async () => {
    setAsking(false);
    onDeleting(true);
    try {
      await deleteCall(call.id);
      window.location.hash = address("calls");
    } catch (failure) {
      onDeleting(false);
      onError(failure.message);
    }
  };
  return html`<div class="actions summary-delete">
    <button class="button quiet" onClick=${() => setAsking(true)}><${Icon} name="trash" />${t("call_record.delete")}</button>
    ${asking &&
    html`<${Confirm}
      title=${t("call_record.delete_title", { title: call.title })}
      text=${t("call_record.delete_text")}
      action=${t("action.delete")}
      onConfirm=${remove}
      onClose=${() => setAsking(false)}
    />`}
  </div>`;
}
