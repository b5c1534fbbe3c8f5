/** Who are you? As a page of its own, and again over the page when the token has run out. */
import { session, signIn } from "../api.js";
import { Dialog } from "../components/dialog.js";
import { Brand, Figures } from "../components/figures.js";
import { Notice } from "../components/notice.js";
import { html, useId, useState } from "../preact.js";

function SignInForm({ name, onDone, children }) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState(null);
  const ids = { name: useId(), password: useId() };
  const submit = async (event) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    setBusy(true);
    setError(null);
    try {
      await signIn(name ?? form.get("username"), form.get("password"));
      onDone();
    } catch (failure) {
      setError(failure.message);
      setBusy(false);
    }
  };
  return html`<form class="form" onSubmit=${submit}>
    ${error !== null && html`<${Notice} text=${error} />`}
    <div class="field">
      <label for=${ids.name}>Name</label>
      <input
        id=${ids.name}
        name="username"
        autocomplete="username"
        autocapitalize="none"
        spellcheck="false"
        value=${name ?? undefined}
        readonly=${name !== null}
        required
        autofocus=${name === null}
      />
    </div>
    <div class="field">
      <label for=${ids.password}>Password</label>
      <input
        id=${ids.password}
        name="password"
        type="password"
        autocomplete="current-password"
        required
        autofocus=${name !== null}
      />
    </div>
    <button class="button primary wide" disabled=${busy}>${busy ? "Signing in…" : "Sign in"}</button>
    ${children}
  </form>`;
}

export function SignIn({ onDone, footer }) {
  return html`<main class="sign-in">
    <section class="sign-in-words">
      <${Brand} />
      <${Figures} />
      <h1>Move like the reference. See how close you are.</h1>
      <p>
        Choose a clip, step in front of your camera, and get a live score for your movement, your timing and your
        range.
      </p>
    </section>
    <section class="sign-in-form">
      <div class="sign-in-card">
        <h2>Sign in</h2>
        <${SignInForm} name=${null} onDone=${onDone} />
      </div>
      ${footer}
    </section>
  </main>`;
}

/** Over the page, which stays as it is underneath. */
export function SignInAgain({ onDone, onSignOut }) {
  return html`<${Dialog} title="Please sign in again">
    <p>You were signed in for a while. Nothing is lost: you go on where you were.</p>
    <${SignInForm} name=${session.name} onDone=${onDone}>
      <button type="button" class="button quiet wide" onClick=${onSignOut}>Use another account</button>
    <//>
  <//>`;
}
