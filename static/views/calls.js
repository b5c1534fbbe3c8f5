/** A person's calls: those to come and those that were; a coach makes them here. */
import { deleteCall, listCalls } from "../api.js";
import { otherName, sorted } from "../calls.js";
import { ChangeCall, MakeCall } from "../components/call-dialogs.js";
import { CallRows } from "../components/call-rows.js";
import { Confirm } from "../components/dialog.js";
import { Figures } from "../components/figures.js";
import { Icon } from "../components/icons.js";
import { Notice } from "../components/notice.js";
import { Page, PageHead } from "../components/page.js";
import { t } from "../i18n.js";
import { Loaded, useLoaded } from "../loading.js";
import { html, useState } from "../preact.js";
import { useSeenAgain } from "../seen-again.js";

const PAGE = 50;

/** `count` calls or more, by pages; `more` when there may be others. */
async function newest(count, signal) {
  const calls = [];
  for (;;) {
    const some = await listCalls({ limit: PAGE, before: calls.at(-1)?.created_at ?? null }, signal);
    calls.push(...some);
    if (some.length < PAGE) return { calls, more: false };
    if (calls.length >= count) return { calls, more: true };
  }
}

export function Calls({ me }) {
  const [count, setCount] = useState(PAGE);
  const loaded = useLoaded((signal) => newest(count, signal), [count]);
  useSeenAgain(loaded.reload);
  const [making, setMaking] = useState(false);
  const coach = me !== null && me.role !== "member";
  const make = coach && html`<button class="button primary" onClick=${() => setMaking(true)}><${Icon} name="calls" />${t("calls.make")}</button>`;
  const none = loaded.value?.calls.length === 0;
  return html`<${Page} kind="page calls-page">
    <${PageHead} title=${t("view.calls")} says=${none ? null : t("calls.says")}>${!none && make}<//>
    <${Loaded} loaded=${loaded}>
      ${({ calls, more }) =>
        calls.length === 0
          ? html`<section class="empty">
              <${Figures} />
              <h2>${t("calls.empty.title")}</h2>
              <p>${t(coach ? "calls.empty.coach" : "calls.empty.member")}</p>
              ${coach && html`<div class="actions">${make}</div>`}
            </section>`
          : html`<${Lists} calls=${calls} onChanged=${loaded.reload} />
              ${more &&
              html`<div class="actions centred">
                <button class="button" onClick=${() => setCount(calls.length + PAGE)}>${t("history.older")}</button>
              </div>`}`}
    <//>
    ${making && html`<${MakeCall} onMade=${loaded.reload} onClose=${() => setMaking(false)} />`}
  <//>`;
}

function Lists({ calls, onChanged }) {
  const [changing, setChanging] = useState(null);
  const [cancelling, setCancelling] = useState(null);
  const [error, setError] = useState(null);
  const cancel = async () => {
    setCancelling(null);
    setError(null);
    try {
      await deleteCall(cancelling.id);
      onChanged();
    } catch (failure) {
      setError(failure.message);
    }
  };
  const { upcoming, past } = sorted(calls);
  const rows = (some) => html`<${CallRows} calls=${some} onChange=${setChanging} onCancel=${setCancelling} />`;
  return html`${error !== null && html`<${Notice} text=${error} />`}
    <section class="calls-part" aria-labelledby="upcoming">
      <h2 id="upcoming">${t("calls.upcoming")}</h2>
      ${upcoming.length === 0 ? html`<p class="muted">${t("calls.none_upcoming")}</p>` : rows(upcoming)}
    </section>
    ${past.length > 0 &&
    html`<section class="calls-part" aria-labelledby="past">
      <h2 id="past">${t("calls.past")}</h2>
      ${rows(past)}
    </section>`}
    ${changing !== null &&
    html`<${ChangeCall} call=${changing} onChanged=${onChanged} onClose=${() => setChanging(null)} />`}
    ${cancelling !== null &&
    html`<${Confirm}
      title=${t("calls.cancel_title", { title: cancelling.title })}
      text=${cancelWords(cancelling)}
      action=${t("calls.cancel")}
      onConfirm=${cancel}
      onClose=${() => setCancelling(null)}
    />`}`;
}

function cancelWords(call) {
  const name = otherName(call);
  return name === null ? t("calls.cancel_link") : t("calls.cancel_accepted", { name });
}
