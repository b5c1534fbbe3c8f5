/** A coach's members, and the way to invite others. */
import { invite, listInvitations, listMembers, removeInvitation } from "../api.js";
import { Dialog } from "../components/dialog.js";
import { Field, Form } from "../components/form.js";
import { Figures } from "../components/figures.js";
import { Icon } from "../components/icons.js";
import { Notice } from "../components/notice.js";
import { OneTimeLink } from "../components/one-time-link.js";
import { Page, PageHead } from "../components/page.js";
import { date, keys, t } from "../i18n.js";
import { Loaded, useLoaded } from "../loading.js";
import { html, useState } from "../preact.js";
import { address } from "../routes.js";
import { when } from "../words.js";

const LASTS_DAYS = 7;

const STATES = keys({
  open: "invitations.open",
  expired: "invitations.expired",
});

export function Members() {
  const members = useLoaded(listMembers);
  const invitations = useLoaded(listInvitations);
  const [inviting, setInviting] = useState(false);
  return html`<${Page}>
    <${PageHead} title=${t("view.members")} says=${t("members.says")}>
      <button class="button primary" onClick=${() => setInviting(true)}>
        <${Icon} name="person" />${t("members.invite")}
      </button>
    <//>
    <${Loaded} loaded=${members}>
      ${(found) =>
        found.length === 0
          ? html`<section class="empty">
              <${Figures} />
              <h2>${t("members.empty.title")}</h2>
              <p>${t("members.empty.text")}</p>
            </section>`
          : html`<ul class="rows">
              ${found.map((member) => html`<${Row} key=${member.id} member=${member} />`)}
            </ul>`}
    <//>
    <${Invitations} loaded=${invitations} />
    ${inviting &&
    html`<${Invite}
      onMade=${invitations.reload}
      onClose=${() => setInviting(false)}
    />`}
  <//>`;
}

function Row({ member }) {
  const { mean_score_7d: score, sessions_7d: count, last_session_at: last } = member;
  return html`<li>
    <a class="row plain" href=${address("member", { id: member.id })}>
      <span class="row-words">
        <strong>${member.name}</strong>
        <span class="muted">${last === null ? t("members.never") : t("members.last", { when: when(last) })}</span>
      </span>
      <span class="row-facts">
        <span>${t("members.sessions", { count })}</span>
        ${score !== null && html`<span class="muted">${t("members.score", { score: Math.round(score) })}</span>`}
      </span>
    </a>
  </li>`;
}

function Invitations({ loaded }) {
  const [error, setError] = useState(null);
  const withdraw = async (id) => {
    try {
      await removeInvitation(id);
      loaded.reload();
    } catch (failure) {
      setError(failure.message);
    }
  };
  const shown = (loaded.value ?? []).filter(({ state }) => state !== "accepted");
  if (shown.length === 0 && loaded.error === null) return null;
  return html`<section class="panel section">
    <h2>${t("invitations.title")}</h2>
    ${error !== null && html`<${Notice} text=${error} />`}
    <${Loaded} loaded=${loaded}>
      ${() =>
        html`<ul class="lines">
          ${shown.map(
            (each) => html`<li key=${each.id}>
              <span>
                <strong>${each.note || t("invitations.no_note")}</strong>
                ${" "}<span class="muted">${t(STATES[each.state], { when: date(each.expires_at) })}</span>
              </span>
              <button
                class="button small"
                aria-label=${t("invitations.withdraw_one", { note: each.note || t("invitations.no_note") })}
                onClick=${() => withdraw(each.id)}
              >
                ${t("invitations.withdraw")}
              </button>
            </li>`,
          )}
        </ul>`}
    <//>
  </section>`;
}

function Invite({ onMade, onClose }) {
  const [link, setLink] = useState(null);
  const make = async (form) => {
    const made = await invite(form.get("note"), LASTS_DAYS);
    setLink(new URL(made.url, window.location.href).href);
    onMade();
  };
  return html`<${Dialog} title=${t("members.invite")} onClose=${onClose}>
    ${link === null
      ? html`<p>${t("invite.make.says", { days: LASTS_DAYS })}</p>
          <${Form} action=${t("invite.make.submit")} cancel=${t("action.cancel")} onCancel=${onClose} onSubmit=${make}>
            <${Field} label=${t("invite.make.note")} hint=${t("invite.make.note_hint")} name="note" maxlength="80" autocomplete="off" autofocus />
          <//>`
      : html`<${OneTimeLink} link=${link} says=${t("invite.made.says", { days: LASTS_DAYS })} onClose=${onClose} />`}
  <//>`;
}
