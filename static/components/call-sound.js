/** What the other person says. One element for the whole call, so that it goes on while the pictures change places. */
import { playOn } from "../call/devices.js";
import { t } from "../i18n.js";
import { html, useEffect, useRef, useState } from "../preact.js";
import { Icon } from "./icons.js";

/** Browsers may hold sound back until somebody has touched the page: then there is a button. */
export function CallSound({ stream, speakerId }) {
  const audio = useRef(null);
  const [held, setHeld] = useState(false);
  const play = () =>
    audio.current.play().then(
      () => setHeld(false),
      (error) => error.name === "NotAllowedError" && setHeld(true), // another one: a newer stream took its place
    );
  useEffect(() => {
    audio.current.srcObject = stream;
    if (stream === null) setHeld(false);
    else play();
  }, [stream]);
  useEffect(() => {
    playOn(audio.current, speakerId);
  }, [speakerId]);
  return html`<audio ref=${audio}></audio>
    ${held &&
    html`<div class="call-held" role="alert">
      <p>${t("call.sound_held")}</p>
      <button class="button primary" onClick=${play}><${Icon} name="voice" />${t("call.sound_on")}</button>
    </div>`}`;
}
