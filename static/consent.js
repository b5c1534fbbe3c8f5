/** Asks for what the person has to allow before it is done, in the server's words. */
import { getConsents, giveConsent } from "./api.js";
import { Dialog } from "./components/dialog.js";
import { Notice } from "./components/notice.js";
import { keys, language, t } from "./i18n.js";
import { html, useCallback, useState } from "./preact.js";

export const TITLES = keys({
  scoring: "consent.title.scoring",
  coaching: "consent.title.coaching",
  recording: "consent.title.recording",
  call: "consent.title.call",
});

/**
 * `[ask, dialog]`: `await ask("scoring")` is whether the person allows it, at once where they did before. Render
 * `dialog`. It throws an `ApiError` where the server can't be asked.
 */
export function useConsent() {
  const [asked, setAsked] = useState(null);
  const ask = useCallback(async (purpose) => {
    const { wanted } = await getConsents();
    const { given, wording } = wanted.find((each) => each.purpose === purpose);
    if (given) return true;
    return new Promise((resolve) => setAsked({ purpose, wording, resolve }));
  }, []);
  const answer = (allowed) => {
    setAsked(null);
    asked.resolve(allowed);
  };
  const dialog = asked && html`<${Question} ...${asked} onAnswer=${answer} />`;
  return [ask, dialog];
}

function Question({ purpose, wording, onAnswer }) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState(null);
  const allow = async () => {
    setBusy(true);
    try {
      await giveConsent(purpose, language);
      onAnswer(true);
    } catch (failure) {
      setError(failure.message);
      setBusy(false);
    }
  };
  return html`<${Dialog} title=${t(TITLES[purpose])} onClose=${() => onAnswer(false)}>
    <p>${wording[language]}</p>
    ${error !== null && html`<${Notice} text=${error} />`}
    <div class="actions">
      <button class="button quiet" onClick=${() => onAnswer(false)}>${t("consent.refuse")}</button>
      <button class="button primary" onClick=${allow} disabled=${busy} autofocus>${t("consent.allow")}</button>
    </div>
  <//>`;
}
