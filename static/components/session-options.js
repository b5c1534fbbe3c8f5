/** What a person can choose for a session, before it and during it. */
import { t } from "../i18n.js";
import { html } from "../preact.js";
import { PACES } from "../words.js";
import { Icon } from "./icons.js";

/** The two ways to move with the reference; `short` for a bar with little room. */
export function PaceChoice({ pace, onPace, short = false }) {
  return html`<fieldset class=${short ? "segments" : "choice"}>
    <legend class=${short ? "visually-hidden" : ""}>${t("pace.legend")}</legend>
    ${PACES.map(
      (each) =>
        html`<label key=${each.key}>
          <input type="radio" name="pace" checked=${pace === each.key} onChange=${() => onPace(each.key)} />
          <span>${t(short ? each.short : each.name)}</span>
        </label>`,
    )}
  </fieldset>`;
}

/** Cues said aloud; `on` null where the browser can't speak. */
export function VoiceToggle({ on, onToggle }) {
  if (on === null) return null;
  return html`<button
    class="button toggle"
    aria-pressed=${on ? "true" : "false"}
    aria-keyshortcuts="M"
    title=${t("voice.hint")}
    onClick=${onToggle}
  >
    <${Icon} name=${on ? "voice" : "mute"} /><span>${t("voice.name")}</span><kbd>M</kbd>
  </button>`;
}

/** The moving lines over the person's picture. */
export function SkeletonToggle({ on, onToggle }) {
  return html`<button
    class="button toggle"
    aria-pressed=${on ? "true" : "false"}
    title=${t("skeleton.hint")}
    onClick=${onToggle}
  >
    <${Icon} name=${on ? "person" : "noPerson"} /><span>${t("skeleton.name")}</span>
  </button>`;
}
