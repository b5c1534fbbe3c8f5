/** The account: password, what is allowed and to whom, who looked, and everything to take along or delete. */
import {
  changePassword,
  deleteAccount,
  getBlob,
  getConsents,
  giveConsent,
  listAudit,
  listCoaches,
  removeCoach,
  session,
  signOutEverywhere,
  withdrawConsent,
} from "../api.js";
import { actionWords, actorWords } from "../audit-words.js";
import { Confirm, Dialog } from "../components/dialog.js";
import { Field, Form } from "../components/form.js";
import { Icon } from "../components/icons.js";
import { Notice } from "../components/notice.js";
import { Page, PageHead } from "../components/page.js";
import { TITLES } from "../consent.js";
import { saveBlob } from "../download.js";
import { date, language, t } from "../i18n.js";
import { Loaded, useLoaded } from "../loading.js";
import { html, useState } from "../preact.js";
import { HOME } from "../routes.js";
import { roleWords } from "../words.js";

const ENTRIES = 20;
const AT_ONCE = 200; // that the server tells

export function Account({ me }) {
  return html`<${Page} kind="page account-page">
    <${PageHead} title=${t("view.account")} says=${t("account.who", { name: me.name, role: roleWords(me.role) })} />
    <${Consents} />
    <${Coaches} />
    <${Looks} me=${me} />
    ${me.has_password && html`<${Password} />`}
    <${SignIns} />
    <${Data} me=${me} />
  <//>`;
}

function Section({ title, says = null, children }) {
  return html`<section class="panel section">
    <h2>${title}</h2>
    ${says && html`<p class="muted">${says}</p>`}
    ${children}
  </section>`;
}

function Consents() {
  const loaded = useLoaded(getConsents);
  const [error, setError] = useState(null);
  const act = async (work) => {
    setError(null);
    try {
      await work();
      loaded.reload();
    } catch (failure) {
      setError(failure.message);
    }
  };
  return html`<${Section} title=${t("privacy.title")} says=${t("privacy.says")}>
    ${error !== null && html`<${Notice} text=${error} />`}
    <${Loaded} loaded=${loaded}>
      ${({ wanted, given }) =>
        html`<ul class="consents">
          ${wanted.map((each) => {
            const current = given.find(
              (one) => one.purpose === each.purpose && one.withdrawn_at === null,
            );
            return html`<li key=${each.purpose}>
              <h3>${t(TITLES[each.purpose])}</h3>
              <p lang=${current?.language ?? language}>${current?.wording ?? each.wording[language]}</p>
              <p class="consent-state">
                <${Icon} name=${each.given ? "good" : "poor"} />
                ${each.given && current
                  ? t("privacy.given", { when: date(current.given_at) })
                  : t("privacy.not_given")}
              </p>
              ${each.given && current
                ? html`<button
                    class="button small"
                    aria-label=${t("privacy.withdraw_one", { what: t(TITLES[each.purpose]) })}
                    onClick=${() => act(() => withdrawConsent(current.id))}
                  >
                    ${t("privacy.withdraw")}
                  </button>`
                : html`<button
                    class="button small"
                    aria-label=${t("privacy.allow_one", { what: t(TITLES[each.purpose]) })}
                    onClick=${() => act(() => giveConsent(each.purpose, language))}
                  >
                    ${t("consent.allow")}
                  </button>`}
            </li>`;
          })}
        </ul>`}
    <//>
  <//>`;
}

function Coaches() {
  const loaded = useLoaded(listCoaches);
  const [leaving, setLeaving] = useState(null);
  const [error, setError] = useState(null);
  const leave = async () => {
    const { id } = leaving;
    setLeaving(null);
    try {
      await removeCoach(id);
      loaded.reload();
    } catch (failure) {
      setError(failure.message);
    }
  };
  return html`<${Section} title=${t("coaches.title")}>
    ${error !== null && html`<${Notice} text=${error} />`}
    <${Loaded} loaded=${loaded}>
      ${(coaches) =>
        coaches.length === 0
          ? html`<p class="muted">${t("coaches.none")}</p>`
          : html`<ul class="lines">
              ${coaches.map(
                (coach) => html`<li key=${coach.id}>
                  <span><strong>${coach.name}</strong> <span class="muted">${t("coaches.since", { when: date(coach.since) })}</span></span>
                  <button
                    class="button small"
                    aria-label=${t("coaches.end_one", { name: coach.name })}
                    onClick=${() => setLeaving(coach)}
                  >
                    ${t("coaches.end")}
                  </button>
                </li>`,
              )}
            </ul>`}
    <//>
    ${leaving &&
    html`<${Confirm}
      title=${t("coaches.end_title", { name: leaving.name })}
      text=${t("coaches.end_text")}
      action=${t("coaches.end")}
      onConfirm=${leave}
      onClose=${() => setLeaving(null)}
    />`}
  <//>`;
}

/** The newest of what others did, however much the person did since: that says nothing to them. */
async function looks(me, signal) {
  const found = [];
  let before = null;
  for (;;) {
    const entries = await listAudit({ limit: AT_ONCE, before }, signal);
    found.push(...entries.filter(({ actor_id: actor }) => actor !== me.id));
    if (found.length >= ENTRIES || entries.length < AT_ONCE) return found.slice(0, ENTRIES);
    before = entries.at(-1).at;
  }
}

function Looks({ me }) {
  const loaded = useLoaded((signal) => looks(me, signal));
  return html`<${Section} title=${t("audit.title")} says=${t("audit.says")}>
    <${Loaded} loaded=${loaded}>
      ${(entries) =>
        entries.length === 0
          ? html`<p class="muted">${t("audit.none")}</p>`
          : html`<ul class="lines">
              ${entries.map(
                (entry) => html`<li key=${entry.at + entry.action}>
                  <span><strong>${actorWords(entry)}</strong> ${actionWords(entry)}</span>
                  <span class="muted">${date(entry.at, { dateStyle: "medium", timeStyle: "short" })}</span>
                </li>`,
              )}
            </ul>`}
    <//>
  <//>`;
}

function Password() {
  const [changed, setChanged] = useState(false);
  const change = async (form) => {
    setChanged(false);
    await changePassword(form.get("current"), form.get("new"));
    setChanged(true);
  };
  return html`<${Section} title=${t("password.title")}>
    <${Form} action=${t("password.submit")} onSubmit=${change}>
      <input class="visually-hidden" type="text" autocomplete="username" value=${session.name} readonly tabindex="-1" aria-hidden="true" />
      <${Field} label=${t("password.current")} name="current" type="password" autocomplete="current-password" required />
      <${Field}
        label=${t("password.new")}
        hint=${t("password.rule")}
        name="new"
        type="password"
        autocomplete="new-password"
        minlength="10"
        required
      />
    <//>
    <p role="status">${changed ? t("password.changed") : ""}</p>
  <//>`;
}

function SignIns() {
  const [error, setError] = useState(null);
  const everywhere = async () => {
    try {
      await signOutEverywhere();
      session.forget();
      window.location.hash = HOME;
      window.location.reload();
    } catch (failure) {
      setError(failure.message);
    }
  };
  return html`<${Section} title=${t("sign_ins.title")} says=${t("sign_ins.says")}>
    ${error !== null && html`<${Notice} text=${error} />`}
    <div class="actions"><button class="button" onClick=${everywhere}>${t("sign_ins.end_all")}</button></div>
  <//>`;
}

function Data({ me }) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState(null);
  const [deleting, setDeleting] = useState(false);
  const download = async () => {
    setBusy(true);
    setError(null);
    try {
      saveBlob(await getBlob("/v1/data"), "posesim-data.zip");
    } catch (failure) {
      setError(failure.message);
    }
    setBusy(false);
  };
  return html`<${Section} title=${t("data.title")} says=${t("data.says")}>
    ${error !== null && html`<${Notice} text=${error} />`}
    <div class="actions">
      <button class="button" onClick=${download} disabled=${busy}>${t(busy ? "data.busy" : "data.download")}</button>
      <button class="button danger" onClick=${() => setDeleting(true)}>${t("data.delete")}</button>
    </div>
    ${deleting && html`<${DeleteAccount} me=${me} onClose=${() => setDeleting(false)} />`}
  <//>`;
}

function DeleteAccount({ me, onClose }) {
  const submit = async (form) => {
    await deleteAccount(me.has_password ? { password: form.get("proof") } : { name: form.get("proof") });
    session.forget();
    window.location.hash = HOME;
    window.location.reload();
  };
  return html`<${Dialog} title=${t("data.delete_title")} onClose=${onClose}>
    <p>${t("data.delete_text")}</p>
    <${Form}
      action=${t("data.delete_submit")}
      danger
      cancel=${t("action.keep")}
      onCancel=${onClose}
      onSubmit=${submit}
    >
      ${me.has_password
        ? html`<${Field} label=${t("sign_in.password")} name="proof" type="password" autocomplete="current-password" required />`
        : html`<${Field} label=${t("data.delete_name", { name: me.name })} name="proof" autocomplete="off" required />`}
    <//>
  <//>`;
}
