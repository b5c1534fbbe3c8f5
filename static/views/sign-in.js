/** Who are you? As a page of its own, and again over the page when the token has run out. */
import { session, signIn } from "../api.js";
import { Dialog } from "../components/dialog.js";
import { Brand, Figures } from "../components/figures.js";
import { Field, useSubmit } from "../components/form.js";
import { Notice } from "../components/notice.js";
import { Page } from "../components/page.js";
import { t } from "../i18n.js";
import { html } from "../preact.js";

export function SignInForm({ name, onDone, children }) {
  const { busy, error, submit } = useSubmit(async (form) => {
    await signIn(name ?? form.get("username"), form.get("password"));
    onDone();
  });
  return html`<form class="form" onSubmit=${submit}>
    ${error !== null && html`<${Notice} text=${error} />`}
    <${Field}
      label=${t("sign_in.name")}
      name="username"
      autocomplete="username"
      autocapitalize="none"
      spellcheck="false"
      value=${name ?? undefined}
      readonly=${name !== null}
      required
      autofocus=${name === null}
    />
    <${Field}
      label=${t("sign_in.password")}
      name="password"
      type="password"
      autocomplete="current-password"
      required
      autofocus=${name !== null}
    />
    <button class="button primary wide" disabled=${busy}>${t(busy ? "sign_in.busy" : "sign_in.submit")}</button>
    ${children}
  </form>`;
}

export function SignIn({ onDone, footer }) {
  return html`<${Page} kind="sign-in">
    <section class="sign-in-words">
      <${Brand} />
      <${Figures} />
      <h1>${t("sign_in.claim")}</h1>
      <p>${t("sign_in.explains")}</p>
    </section>
    <section class="sign-in-form">
      <div class="sign-in-card">
        <h2>${t("sign_in.title")}</h2>
        <${SignInForm} name=${null} onDone=${onDone} />
      </div>
      ${footer}
    </section>
  <//>`;
}

/** Over the page, which stays as it is underneath. */
export function SignInAgain({ onDone, onSignOut }) {
  return html`<${Dialog} title=${t("sign_in.again")}>
    <p>${t("sign_in.nothing_lost")}</p>
    <${SignInForm} name=${session.name} onDone=${onDone}>
      <button type="button" class="button quiet wide" onClick=${onSignOut}>
        ${t("sign_in.other_account")}
      </button>
    <//>
  <//>`;
}
