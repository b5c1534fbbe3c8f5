/** Before a session: the reference, your picture, and the countdown. */
import { CameraView } from "../components/camera-view.js";
import { Countdown } from "../components/countdown.js";
import { Icon } from "../components/icons.js";
import { Notice } from "../components/notice.js";
import { ReferenceView } from "../components/reference-view.js";
import { PaceChoice, VoiceToggle } from "../components/session-options.js";
import { html, useEffect, useRef, useState } from "../preact.js";
import { LIBRARY } from "../routes.js";
import { MIRROR_WORDS, PACES } from "../words.js";
import { FramingHint } from "./record.js";

const CHOICES_S = [3, 5, 10];

export function Ready(props) {
  const { exercise, exerciseError, camera, phase, seconds, error } = props;
  const counting = phase === "countdown" || phase === "connecting";
  return html`<main class="page stage">
    <div class="page-head">
      <div>
        <a class="back" href=${LIBRARY}><${Icon} name="back" />Library</a>
        <h1>${exercise?.name ?? (exerciseError ? "Reference" : "\u00a0")}</h1>
      </div>
    </div>
    ${exerciseError !== null &&
    html`<${Notice} text=${exerciseError.message} action="Try again" onAction=${props.onReload} />`}
    ${error !== null && html`<${SessionError} key=${error} error=${error} onRetry=${props.onStart} />`}
    <div class="tiles">
      <figure>
        <${ReferenceView} exercise=${exercise} />
        <figcaption>Reference</figcaption>
      </figure>
      <figure>
        <${CameraView} camera=${camera}>
          ${!counting && camera.stream !== null && html`<${FramingHint} />`}
        <//>
        <figcaption>You</figcaption>
      </figure>
    </div>
    <div class="stage-actions">
      <div class="stage-options">
        <${PaceChoice} pace=${props.pace} onPace=${props.onPace} />
        <p class="stage-words">
          ${PACES.find(({ key }) => key === props.pace).says} <span class="muted">${MIRROR_WORDS}</span>
        </p>
        <fieldset class="choice">
          <legend>Time to get in place</legend>
          ${CHOICES_S.map(
            (choice) =>
              html`<label key=${choice}>
                <input
                  type="radio"
                  name="seconds"
                  checked=${seconds === choice}
                  onChange=${() => props.onSeconds(choice)}
                /><span>${choice} s</span>
              </label>`,
          )}
        </fieldset>
        <${VoiceToggle} on=${props.voiceOn} onToggle=${props.onVoice} />
      </div>
      <button
        class="button primary big"
        disabled=${camera.stream === null || exercise?.state !== "ready" || phase !== "ready"}
        onClick=${props.onStart}
      >
        <${Icon} name="play" />${phase === "opening" ? "One moment…" : "Start"}
      </button>
    </div>
    ${counting &&
    html`<${CountdownCover} onCancel=${props.onCancel}>
      ${phase === "countdown"
        ? html`<${Countdown}
            seconds=${seconds}
            words="Get in place. Your whole body should be in the picture."
            onTick=${props.onTick}
            onZero=${props.onZero}
          />`
        : html`<p class="countdown-words" role="status">Connecting…</p>`}
      <button class="button" onClick=${props.onCancel} autofocus>Cancel</button>
    <//>`}
  </main>`;
}

/** Over everything; Escape cancels. */
function CountdownCover({ onCancel, children }) {
  const dialog = useRef(null);
  useEffect(() => {
    const element = dialog.current;
    element.showModal();
    return () => element.close();
  }, []);
  const cancel = (event) => {
    event.preventDefault();
    onCancel();
  };
  return html`<dialog class="countdown-cover" ref=${dialog} aria-label="Get ready" onCancel=${cancel}>
    ${children}
  </dialog>`;
}

/** Why a session did not start; with the time to wait when the server is full. */
function SessionError({ error, onRetry }) {
  const [wait, setWait] = useState(error.retryAfterS ?? 0);
  useEffect(() => {
    if (wait <= 0) return undefined;
    const timer = setTimeout(() => setWait(wait - 1), 1000);
    return () => clearTimeout(timer);
  }, [wait]);
  const gone = error.status === 404 || error.status === 409;
  const action = wait > 0 ? `Try again in ${wait} s` : "Try again";
  return html`<${Notice}
    text=${error.message}
    action=${gone ? null : action}
    onAction=${() => wait <= 0 && onRetry()}
  />`;
}
