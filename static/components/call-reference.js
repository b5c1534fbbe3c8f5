/** The coach's own movement as the reference, and keeping the last of it as an exercise. */
import { demonstrationWords } from "../call-words.js";
import { useConsent } from "../consent.js";
import { t } from "../i18n.js";
import { html, useState } from "../preact.js";
import { SaveReference } from "./call-save.js";
import { Icon } from "./icons.js";
import { Notice } from "./notice.js";

export function LiveReference({ view }) {
  const { call, send, showing } = view;
  const { live_reference: state, reference, run } = call;
  const on = state !== "off";
  const lost = on && showing === "lost";
  const [taken, setTaken] = useState(null);
  const [error, setError] = useState(null);
  const [ask, question] = useConsent();
  const keep = async () => {
    setError(null);
    try {
      const taking = view.takeRecording(); // before the question: what was shown until now
      if (taking === null) return setError(t("call.save.nothing"));
      const recording = await taking;
      if (await ask("recording")) setTaken({ ...recording, cycleS: reference?.cycle_s ?? null });
    } catch (failure) {
      setError(failure.message);
    }
  };
  return html`<div class="call-reference">
    <div class="call-switch-row">
      <button
        class="call-switch"
        role="switch"
        aria-checked=${on ? "true" : "false"}
        disabled=${run !== null}
        onClick=${() => send("live_reference", { on: !on })}
      >
        <span class="call-knob" aria-hidden="true"></span><span>${t("call.reference.switch")}</span>
      </button>
      <p class="muted" role="status">${lost ? t("call.reference.lost") : demonstrationWords(state, reference)}</p>
    </div>
    ${state === "on" &&
    html`<button class="button small" onClick=${keep}><${Icon} name="download" />${t("call.save.open")}</button>`}
    ${error !== null && html`<${Notice} text=${error} />`} ${question}
    ${taken !== null && html`<${SaveReference} recording=${taken} onClose=${() => setTaken(null)} />`}
  </div>`;
}
