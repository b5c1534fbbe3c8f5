/** An invitation by a coach, for somebody with an account or without. */
import { acceptInvitation, createAccount, previewInvitation } from "../api.js";
import { Field, Form } from "../components/form.js";
import { Brand } from "../components/figures.js";
import { Notice } from "../components/notice.js";
import { Page, Waiting } from "../components/page.js";
import { date, language, t } from "../i18n.js";
import { useLoaded } from "../loading.js";
import { html, useState } from "../preact.js";
import { HOME } from "../routes.js";
import { SignInForm } from "./sign-in.js";

export function Invite({ token, me = null, onSignedIn = null }) {
  const { value: found, error } = useLoaded((signal) => previewInvitation(token, signal), [token]);
  return html`<${Page} kind="page invite-page">
    ${me === null && html`<${Brand} />`}
    ${error !== null && html`<h1>${t("invite.title")}</h1><${Notice} text=${error} />`}
    ${found === null && error === null && html`<${Waiting} text=${t("page.wait")} />`}
    ${found !== null &&
    html`<h1>${t("invite.from", { name: found.coach_name })}</h1>
      <p class="muted">${t("invite.until", { when: date(found.expires_at) })}</p>
      <section class="panel section">
        <h2>${t("consent.title.coaching")}</h2>
        <p>${t("consent.coaching")}</p>
      </section>
      ${me === null
        ? html`<${Newcomer} token=${token} onSignedIn=${onSignedIn} />`
        : html`<${Accept} token=${token} me=${me} />`}`}
  <//>`;
}

function Accept({ token, me }) {
  const accept = async () => {
    await acceptInvitation(token, language);
    window.location.hash = HOME;
  };
  return html`<section class="panel section">
    <p>${t("invite.as", { name: me.name })}</p>
    <${Form} action=${t("invite.accept")} onSubmit=${accept} />
  </section>`;
}

/** Without an account: make one, or sign in with one, which comes back here. */
function Newcomer({ token, onSignedIn }) {
  const [hasAccount, setHasAccount] = useState(false);
  const create = async (form) => {
    await createAccount(token, form.get("username"), form.get("password"), language);
    window.location.hash = HOME;
    onSignedIn();
  };
  return html`<section class="panel section">
    ${hasAccount
      ? html`<h2>${t("sign_in.title")}</h2>
          <${SignInForm} name=${null} onDone=${onSignedIn} />
          <button class="button quiet" onClick=${() => setHasAccount(false)}>${t("invite.new_account")}</button>`
      : html`<h2>${t("invite.new_account")}</h2>
          <${Form} action=${t("invite.create")} onSubmit=${create}>
            <${Field} label=${t("sign_in.name")} hint=${t("invite.name_rule")} name="username" autocomplete="username" autocapitalize="none" spellcheck="false" maxlength="64" required />
            <${Field} label=${t("sign_in.password")} hint=${t("password.rule")} name="password" type="password" autocomplete="new-password" minlength="10" required />
          <//>
          <button class="button quiet" onClick=${() => setHasAccount(true)}>${t("invite.has_account")}</button>`}
  </section>`;
}
