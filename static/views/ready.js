/** Before a session: the reference, your picture, and the countdown. */
import { CameraView } from "../components/camera-view.js";
import { Countdown } from "../components/countdown.js";
import { useModal } from "../components/dialog.js";
import { Icon } from "../components/icons.js";
import { Notice } from "../components/notice.js";
import { Page, PageHead } from "../components/page.js";
import { Progress } from "../components/progress.js";
import { ReferenceView } from "../components/reference-view.js";
import { PaceChoice, VoiceToggle } from "../components/session-options.js";
import { t } from "../i18n.js";
import { html, useEffect, useRef, useState } from "../preact.js";
import { address } from "../routes.js";
import { PACES } from "../words.js";
import { FramingHint } from "./record.js";

const CHOICES_S = [3, 5, 10];

export function Ready(props) {
  const { exercise, exerciseError, camera, phase, seconds, error } = props;
  const counting = phase === "countdown" || phase === "connecting";
  return html`<${Page} kind="page stage">
    <${PageHead}
      title=${exercise?.name ?? t("reference.caption")}
      back=${{ href: address("library"), text: t("view.library") }}
    />
    ${exerciseError !== null &&
    html`<${Notice} text=${exerciseError.message} action=${t("action.try_again")} onAction=${props.onReload} />`}
    ${error !== null && html`<${SessionError} key=${error} error=${error} onRetry=${props.onStart} />`}
    <div class="tiles">
      <figure>
        <${ReferenceView} exercise=${exercise} />
        <figcaption>${t("reference.caption")}</figcaption>
      </figure>
      <figure>
        <${CameraView} camera=${camera}>
          ${!counting && camera.stream !== null && html`<${FramingHint} />`}
        <//>
        <figcaption>${t("ready.you")}</figcaption>
      </figure>
    </div>
    ${exercise?.state === "embedding" &&
    html`<${Progress} label=${t("exercise.preparing")} share=${exercise.progress} />`}
    <div class="stage-actions">
      <div class="stage-options">
        <${PaceChoice} pace=${props.pace} onPace=${props.onPace} />
        <p class="stage-words">
          ${t(PACES.find(({ key }) => key === props.pace).says)} <span class="muted">${t("ready.mirror")}</span>
        </p>
        <fieldset class="choice">
          <legend>${t("ready.seconds")}</legend>
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
        disabled=${camera.stream === null || exercise?.state !== "ready"}
        aria-disabled=${phase === "ready" ? undefined : "true"}
        onClick=${() => phase === "ready" && props.onStart()}
      >
        <${Icon} name="play" />${t(phase === "opening" ? "page.wait" : "ready.start")}
      </button>
    </div>
    ${exercise !== null &&
    exercise.description !== "" &&
    html`<section class="stage-about">
      <h2>${t("exercise.about")}</h2>
      <p class="exercise-description">${exercise.description}</p>
    </section>`}
    ${counting &&
    html`<${CountdownCover} onCancel=${props.onCancel}>
      ${phase === "countdown"
        ? html`<${Countdown}
            seconds=${seconds}
            words=${t("ready.in_place")}
            onTick=${props.onTick}
            onZero=${props.onZero}
          />`
        : html`<p class="countdown-words" role="status">${t("ready.connecting")}</p>`}
      <button class="button" onClick=${props.onCancel} autofocus>${t("action.cancel")}</button>
    <//>`}
  <//>`;
}

/** Over everything; Escape cancels. */
function CountdownCover({ onCancel, children }) {
  const dialog = useRef(null);
  useModal(dialog);
  const cancel = (event) => {
    event.preventDefault();
    onCancel();
  };
  return html`<dialog class="countdown-cover" ref=${dialog} aria-label=${t("ready.label")} onCancel=${cancel}>
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
  const action = wait > 0 ? t("ready.retry_in", { seconds: wait }) : t("action.try_again");
  return html`<${Notice}
    text=${error.message}
    action=${gone ? null : action}
    onAction=${() => wait <= 0 && onRetry()}
  />`;
}
