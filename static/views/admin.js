/** The accounts of this server, and what was done by whom. */
import { addUser, changeUser, listAllAudit, listUsers, removeUser } from "../api.js";
import { actorWords } from "../audit-words.js";
import { Confirm, Dialog } from "../components/dialog.js";
import { Field, Form } from "../components/form.js";
import { Icon } from "../components/icons.js";
import { Notice } from "../components/notice.js";
import { Page, PageHead } from "../components/page.js";
import { Select } from "../components/select.js";
import { date, t } from "../i18n.js";
import { Loaded, useLoaded } from "../loading.js";
import { html, useId, useState } from "../preact.js";
import { ROLES } from "../routes.js";
import { roleWords } from "../words.js";

const ENTRIES = 50;

export function Admin({ me }) {
  const users = useLoaded(listUsers);
  const [adding, setAdding] = useState(false);
  const [password, setPassword] = useState(null);
  const [removing, setRemoving] = useState(null);
  const [error, setError] = useState(null);
  const act = async (work) => {
    setError(null);
    try {
      await work();
    } catch (failure) {
      setError(failure.message);
    }
    users.reload();
  };
  return html`<${Page}>
    <${PageHead} title=${t("view.admin")} says=${t("admin.says")}>
      <button class="button primary" onClick=${() => setAdding(true)}><${Icon} name="person" />${t("admin.add")}</button>
    <//>
    ${error !== null && html`<${Notice} text=${error} />`}
    <section class="panel section">
      <h2>${t("admin.accounts")}</h2>
      <${Loaded} loaded=${users}>
        ${(found) =>
          html`<ul class="lines">
            ${found.map(
              (user) => html`<li key=${user.id}>
                <span><strong>${user.name}</strong> <span class="muted">${t("admin.since", { when: date(user.created_at) })}</span></span>
                <span class="actions">
                  <${RoleSelect}
                    aria-label=${t("admin.role_of", { name: user.name })}
                    value=${user.role}
                    onChange=${({ currentTarget }) => act(() => changeUser(user.id, { role: currentTarget.value }))}
                  />
                  <button class="button small" aria-label=${t("admin.password_of", { name: user.name })} onClick=${() => setPassword(user)}>${t("sign_in.password")}</button>
                  <button
                    class="icon-button"
                    aria-label=${t("admin.remove_one", { name: user.name })}
                    disabled=${user.id === me.id}
                    onClick=${() => setRemoving(user)}
                  >
                    <${Icon} name="trash" />
                  </button>
                </span>
              </li>`,
            )}
          </ul>`}
      <//>
    </section>
    <${Log} />
    ${adding && html`<${Add} onDone=${() => (setAdding(false), users.reload())} onClose=${() => setAdding(false)} />`}
    ${password && html`<${NewPassword} user=${password} onClose=${() => setPassword(null)} />`}
    ${removing &&
    html`<${Confirm}
      title=${t("admin.remove_title", { name: removing.name })}
      text=${t("admin.remove_text")}
      action=${t("action.delete")}
      onConfirm=${() => {
        setRemoving(null);
        act(() => removeUser(removing.id));
      }}
      onClose=${() => setRemoving(null)}
    />`}
  <//>`;
}

/** Everything goes to the `<select>`. */
function RoleSelect(rest) {
  return html`<${Select} ...${rest}>
    ${ROLES.map((role) => html`<option key=${role} value=${role}>${roleWords(role)}</option>`)}
  <//>`;
}

function Add({ onDone, onClose }) {
  const add = async (form) => {
    await addUser(form.get("name"), form.get("password"), form.get("role"));
    onDone();
  };
  const role = useId();
  return html`<${Dialog} title=${t("admin.add")} onClose=${onClose}>
    <${Form} action=${t("admin.add")} cancel=${t("action.cancel")} onCancel=${onClose} onSubmit=${add}>
      <${Field} label=${t("sign_in.name")} hint=${t("invite.name_rule")} name="name" autocomplete="off" autocapitalize="none" spellcheck="false" maxlength="64" required autofocus />
      <${Field} label=${t("sign_in.password")} hint=${t("password.rule")} name="password" type="password" autocomplete="new-password" minlength="10" required />
      <div class="field">
        <label for=${role}>${t("admin.role")}</label>
        <${RoleSelect} id=${role} name="role" />
      </div>
    <//>
  <//>`;
}

function NewPassword({ user, onClose }) {
  const change = async (form) => {
    await changeUser(user.id, { password: form.get("password") });
    onClose();
  };
  return html`<${Dialog} title=${t("admin.password_of", { name: user.name })} onClose=${onClose}>
    <p>${t("admin.password_says")}</p>
    <${Form} action=${t("password.submit")} cancel=${t("action.cancel")} onCancel=${onClose} onSubmit=${change}>
      <${Field} label=${t("password.new")} hint=${t("password.rule")} name="password" type="password" autocomplete="new-password" minlength="10" required autofocus />
    <//>
  <//>`;
}

/** What happened, as it is written down: for whoever has to answer for this server. */
function Log() {
  const loaded = useLoaded((signal) => listAllAudit(ENTRIES, signal));
  return html`<section class="panel section">
    <h2>${t("admin.log")}</h2>
    <p class="muted">${t("admin.log_says", { count: ENTRIES })}</p>
    <${Loaded} loaded=${loaded}>
      ${(entries) =>
        html`<div class="wide-table" tabindex="0" role="region" aria-label=${t("admin.log")}>
          <table>
            <thead>
              <tr>
                <th scope="col">${t("admin.log_when")}</th>
                <th scope="col">${t("admin.log_who")}</th>
                <th scope="col">${t("admin.log_what")}</th>
                <th scope="col">${t("admin.log_whom")}</th>
              </tr>
            </thead>
            <tbody>
              ${entries.map(
                (entry, index) => html`<tr key=${index}>
                  <td>${date(entry.at, { dateStyle: "short", timeStyle: "medium" })}</td>
                  <td>${entry.actor_name ?? entry.actor_id ?? actorWords(entry)}</td>
                  <td><code>${entry.action}</code></td>
                  <td>${entry.subject_name ?? entry.subject_id ?? "–"}</td>
                </tr>`,
              )}
            </tbody>
          </table>
        </div>`}
    <//>
  </section>`;
}
