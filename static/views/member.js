/** A member, for their coach: how they get on, what they did, and what is planned for them. */
import { listMembers, removeMember } from "../api.js";
import { Confirm } from "../components/dialog.js";
import { Icon } from "../components/icons.js";
import { MemberPlan } from "../components/member-plan.js";
import { Notice } from "../components/notice.js";
import { Page, PageHead, Waiting } from "../components/page.js";
import { ProgressView } from "../components/progress-view.js";
import { SessionRows, useSessions } from "../components/session-rows.js";
import { date, t } from "../i18n.js";
import { Loaded, useLoaded } from "../loading.js";
import { html, useState } from "../preact.js";
import { address } from "../routes.js";
import { when } from "../words.js";

const PAGE = 12; // sessions; there is more to see of a member

const back = () => ({ href: address("members"), text: t("view.members") });

export function Member({ id }) {
  const members = useLoaded(listMembers);
  const member = members.value?.find((each) => each.id === id);
  if (member !== undefined) return html`<${Coached} member=${member} />`;
  return html`<${Page}>
    <${PageHead} title=${t("view.member")} back=${back()} />
    ${members.value !== null ? html`<p>${t("member.gone")}</p>` : html`<${Loaded} loaded=${members} />`}
  <//>`;
}

function Coached({ member }) {
  const { id, name, since, last_session_at: last, sessions_7d: count, mean_score_7d: score } = member;
  const [ending, setEnding] = useState(false);
  const [error, setError] = useState(null);
  const end = async () => {
    setEnding(false);
    try {
      await removeMember(id);
      window.location.hash = address("members");
    } catch (failure) {
      setError(failure.message);
    }
  };
  const facts = [
    [t("member.last"), last === null ? "–" : when(last)],
    [t("member.week_sessions"), count],
    [t("member.week_score"), score === null ? "–" : Math.round(score)],
  ];
  return html`<${Page} kind="page member-page">
    <${PageHead} title=${name} says=${t("member.since", { when: date(since) })} back=${back()} />
    ${error !== null && html`<${Notice} text=${error} />`}
    <dl class="facts">
      ${facts.map(
        ([what, value]) => html`<div class="panel fact" key=${what}>
          <dt>${what}</dt>
          <dd class="number">${value}</dd>
        </div>`,
      )}
    </dl>
    <${MemberPlan} memberId=${id} />
    <section class="member-part" aria-labelledby="progress">
      <h2 id="progress">${t("view.progress")}</h2>
      <${ProgressView} memberId=${id} heading="h3" empty=${html`<p class="muted">${t("members.never")}</p>`} />
    </section>
    <${Sessions} memberId=${id} />
    <div class="actions member-end">
      <button class="button quiet" onClick=${() => setEnding(true)}><${Icon} name="leave" />${t("member.end")}</button>
    </div>
    ${ending &&
    html`<${Confirm}
      title=${t("member.end_title", { name })}
      text=${t("member.end_text")}
      action=${t("member.end")}
      onConfirm=${end}
      onClose=${() => setEnding(false)}
    />`}
  <//>`;
}

function Sessions({ memberId }) {
  const found = useSessions(memberId, null, PAGE);
  const { sessions, error, reload } = found;
  return html`<section class="member-part" aria-labelledby="sessions">
    <h2 id="sessions">${t("member.sessions")}</h2>
    ${error !== null && html`<${Notice} text=${error} action=${t("action.try_again")} onAction=${reload} />`}
    ${sessions === null && error === null && html`<${Waiting} text=${t("page.wait")} />`}
    ${sessions?.length === 0 && html`<p class="muted">${t("members.never")}</p>`}
    ${sessions?.length > 0 &&
    html`<${SessionRows} ...${found} to=${({ id }) => address("memberSession", { id: memberId, session: id })} />`}
  </section>`;
}
