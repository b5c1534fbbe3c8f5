/** A coach's link to a call, for somebody with an account or without. */
import { createAccount, getConsents, giveConsent, joinCall, previewCall } from "../api.js";
import { expiryWords } from "../calls.js";
import { Brand } from "../components/figures.js";
import { Field, Form } from "../components/form.js";
import { Notice } from "../components/notice.js";
import { Page, Waiting } from "../components/page.js";
import { language, t } from "../i18n.js";
import { useLoaded } from "../loading.js";
import { html, useState } from "../preact.js";
import { address } from "../routes.js";
import { when } from "../words.js";
import { SignInForm } from "./sign-in.js";

/** The call to which `token` leads, and whether the person allows scoring already. */
async function found(token, me, signal) {
  const [call, consents] = await Promise.all([
    previewCall(token, signal),
    me === null ? { wanted: [] } : getConsents(signal),
  ]);
  return { call, scored: consents.wanted.some(({ purpose, given }) => purpose === "scoring" && given) };
}

export function Join({ token, me = null, onSignedIn = null }) {
  const { value, error } = useLoaded((signal) => found(token, me, signal), [token]);
  return html`<${Page} kind="page invite-page join-page">
    ${me === null && html`<${Brand} />`}
    ${error !== null && html`<h1>${t("view.join")}</h1><${Notice} text=${error} /><${Before} />`}
    ${value === null && error === null && html`<${Waiting} text=${t("page.wait")} />`}
    ${value !== null &&
    html`<${Invitation} call=${value.call} />
      <section class="panel section">
        <h2>${t("consent.title.call")}</h2>
        <p>${t("consent.call")}</p>
      </section>
      ${me === null
        ? html`<${Newcomer} token=${token} onSignedIn=${onSignedIn} />`
        : html`<${Accept} token=${token} me=${me} scored=${value.scored} />`}`}
  <//>`;
}

function Invitation({ call }) {
  const { coach_name: name, title, starts_at: starts } = call;
  return html`<div>
      <h1>${t("join.from", { name })}</h1>
      <p class="join-call">
        <strong>${title}</strong>${" "}<span>${starts === null ? t("calls.no_time") : when(starts)}</span>
      </p>
      <p class="muted">${t("join.until", { when: expiryWords(call) })}</p>
    </div>
    <section class="panel section">
      <h2>${t("join.what")}</h2>
      <ol class="join-steps">
        <li>${t("join.step.accept")}</li>
        <li>${t("join.step.check")}</li>
        <li>${t("join.step.talk", { name })}</li>
        <li>${t("join.step.score")}</li>
      </ol>
    </section>`;
}

/** A link is good once: who used it and comes back by it finds the call elsewhere. */
function Before() {
  return html`<p>${t("join.before")}</p>
    <div class="actions"><a class="button" href=${address("calls")}>${t("join.to_calls")}</a></div>`;
}

/** What they allowed beside the call itself. Where that can't be kept, the call asks for it again. */
async function allow(form) {
  if (form.get("scoring") !== null) await giveConsent("scoring", language).catch(() => {});
}

const goIn = (id) => {
  window.location.hash = address("call", { id });
};

function Accept({ token, me, scored }) {
  const accept = async (form) => {
    const { id } = await joinCall(token, language);
    await allow(form);
    goIn(id);
  };
  return html`<section class="panel section">
    <p>${t("invite.as", { name: me.name })}</p>
    <${Form} action=${t("invite.accept")} onSubmit=${accept}>${!scored && html`<${Scoring} />`}<//>
  </section>`;
}

/** Without an account: make one, or sign in with one, which comes back here. */
function Newcomer({ token, onSignedIn }) {
  const [hasAccount, setHasAccount] = useState(false);
  const create = async (form) => {
    const { call_id: id } = await createAccount(token, form.get("username"), form.get("password"), language);
    await allow(form);
    goIn(id);
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
            <${Scoring} />
          <//>
          <button class="button quiet" onClick=${() => setHasAccount(true)}>${t("invite.has_account")}</button>`}
  </section>`;
}

/** Another thing to allow, which the call does not take. */
function Scoring() {
  return html`<fieldset class="join-scoring">
    <legend>${t("consent.title.scoring")}</legend>
    <p>${t("consent.scoring")}</p>
    <label class="check"><input type="checkbox" name="scoring" /><span>${t("consent.allow")}</span></label>
    <small class="muted">${t("join.scoring_later")}</small>
  </fieldset>`;
}
