/** Pictures in a call: the own one, and what the other person sends. */
import { t } from "../i18n.js";
import { html, useEffect, useRef } from "../preact.js";
import { CameraView } from "./camera-view.js";
import { Icon } from "./icons.js";

/** Who is seen, and whether they can be heard. */
function Caption({ name, silent }) {
  return html`<figcaption>
    <span class="call-name">${name}</span>
    ${silent && html`<span class="call-silent"><${Icon} name="noMicrophone" /><span class="visually-hidden">${t("call.silent")}</span></span>`}
  </figcaption>`;
}

/**
 * The other person. `cover` are words over the picture while there is none, `overlay` as in camera-view.js. The sound is
 * call-sound.js's, so that it goes on wherever the picture is.
 */
export function RemotePicture({ stream, name, media, cover = null, kind = "", overlay = null, children }) {
  const video = useRef(null);
  useEffect(() => {
    video.current.srcObject = stream;
  }, [stream]);
  const words = cover ?? (stream !== null && !media.camera ? t("call.camera_off", { name }) : null);
  return html`<figure class=${`call-picture ${kind}`}>
    <div class="tile">
      <video
        ref=${video}
        class=${words === null ? undefined : "unseen"}
        autoplay
        muted
        playsinline
        aria-label=${t("call.picture_of", { name })}
      ></video>
      ${words === null && overlay?.(video)}
      ${words !== null &&
      html`<div class="tile-cover call-cover">
        <${Icon} name=${stream === null ? "account" : "noCamera"} />
        <p role="status">${words}</p>
      </div>`}
      ${children}
    </div>
    <${Caption} name=${name} silent=${stream !== null && !media.microphone} />
  </figure>`;
}

/**
 * Oneself, as in a mirror. `toldElsewhere`: why there is no camera stands in call-troubles.js, because a small picture has
 * no room for it.
 */
export function OwnPicture({ devices, kind = "", overlay = null, toldElsewhere = false, children }) {
  const off = !devices.cameraOn;
  const failed = !off && toldElsewhere && devices.error !== null;
  const camera = off || failed ? { stream: null, error: null } : devices;
  return html`<figure class=${`call-picture own ${kind}`}>
    <${CameraView} camera=${camera} overlay=${off || failed ? null : overlay}>
      ${off &&
      html`<div class="tile-cover call-cover own-off">
        <${Icon} name="noCamera" />
        <p>${t("call.own_camera_off")}</p>
      </div>`}
      ${failed &&
      html`<div class="tile-cover call-cover own-off">
        <${Icon} name="noCamera" />
        <button class="button small" onClick=${devices.retry}>${t("action.try_again")}</button>
      </div>`}
      ${children}
    <//>
    <${Caption} name=${t("ready.you")} silent=${!devices.microphoneOn} />
  </figure>`;
}
