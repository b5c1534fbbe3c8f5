/** What goes wrong in a call and passes: told over it, and gone by itself. */
import { t } from "../i18n.js";
import { html, useEffect, useState } from "../preact.js";
import { inWords } from "../refusals.js";
import { Icon } from "./icons.js";

const SHOWN_MS = 7_000;

/** The newest refusal until it has been shown long enough. */
function useShownRefusal(refused) {
  const [over, setOver] = useState(refused?.at ?? null);
  useEffect(() => {
    if (refused === null) return undefined;
    const timer = setTimeout(() => setOver(refused.at), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [refused?.at]);
  return refused === null || refused.at === over ? null : refused;
}

export function Troubles({ view }) {
  const { status, draining, refused, devices } = view;
  const shown = useShownRefusal(refused);
  const words = [
    draining && status === "connected" ? t("call.draining") : null,
    status === "reconnecting" ? t("call.reconnecting") : null,
    view.scoring === "lost" && status === "connected" ? t("call.scoring_lost") : null,
    devices.cameraOn ? devices.error : null,
    devices.microphoneError,
  ].filter((each, index, all) => each !== null && all.indexOf(each) === index); // both devices may lack the same
  return html`<div class="call-troubles">
    <div role="status">
      ${words.map((each) => html`<p key=${each} class="call-trouble"><${Icon} name="wait" />${each}</p>`)}
    </div>
    <div role="alert">
      ${shown !== null && html`<p class="call-trouble refused"><${Icon} name="alert" />${inWords(shown.detail)}</p>`}
    </div>
  </div>`;
}
