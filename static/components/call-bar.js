/** What both can do at any time in a call: sound and picture on and off, other devices, leave. */
import { t } from "../i18n.js";
import { html, useState } from "../preact.js";
import { CallDevices } from "./call-devices.js";
import { Dialog } from "./dialog.js";
import { Icon } from "./icons.js";

/** A round button; `off` is told by its drawing, its name and its colour. */
function Round({ name, icon, off = false, onClick }) {
  return html`<button class=${off ? "call-round off" : "call-round"} aria-label=${name} title=${name} onClick=${onClick}>
    <${Icon} name=${icon} />
  </button>`;
}

export function OwnButtons({ devices }) {
  const { microphoneOn, cameraOn } = devices;
  const [choosing, setChoosing] = useState(false);
  return html`<div class="call-own" role="group" aria-label=${t("call.own")}>
    <${Round}
      name=${t(microphoneOn ? "call.microphone_off" : "call.microphone_on")}
      icon=${microphoneOn ? "microphone" : "noMicrophone"}
      off=${!microphoneOn}
      onClick=${() => devices.setMicrophone(!microphoneOn)}
    />
    <${Round}
      name=${t(cameraOn ? "call.camera_off_button" : "call.camera_on_button")}
      icon=${cameraOn ? "camera" : "noCamera"}
      off=${!cameraOn}
      onClick=${() => devices.setCamera(!cameraOn)}
    />
    <${Round} name=${t("call.settings")} icon="admin" onClick=${() => setChoosing(true)} />
    ${choosing &&
    html`<${Dialog} title=${t("call.settings")} onClose=${() => setChoosing(false)}>
      <${CallDevices} devices=${devices} />
      <div class="actions"><button class="button primary" onClick=${() => setChoosing(false)} autofocus>${t("call.done")}</button></div>
    <//>`}
  </div>`;
}

/** The coach leaves alone or for both, and is asked which. */
export function EndCall({ send, leave }) {
  const [asking, setAsking] = useState(false);
  const end = () => {
    send("end");
    setAsking(false);
  };
  return html`<button class="button call-end" onClick=${() => setAsking(true)}><${Icon} name="hangUp" />${t("call.end")}</button>
    ${asking &&
    html`<${Dialog} title=${t("call.end_title")} onClose=${() => setAsking(false)}>
      <p>${t("call.end_text")}</p>
      <div class="actions">
        <button class="button quiet" onClick=${() => setAsking(false)} autofocus>${t("call.stay")}</button>
        <button class="button" onClick=${leave}>${t("call.leave_only")}</button>
        <button class="button danger" onClick=${end}>${t("call.end_both")}</button>
      </div>
    <//>`}`;
}

export function LeaveCall({ leave }) {
  return html`<button class="button call-end" onClick=${leave}><${Icon} name="hangUp" />${t("call.leave")}</button>`;
}
