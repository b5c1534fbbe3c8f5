/** Choosing and trying camera, microphone and loudspeaker. */
import { playTone, useLevel } from "../call/levels.js";
import { t } from "../i18n.js";
import { html, useEffect, useId, useRef, useState } from "../preact.js";
import { Icon } from "./icons.js";
import { Notice } from "./notice.js";
import { Select } from "./select.js";

function Choice({ label, icon, devices, chosen, onChoose, children }) {
  const id = useId();
  return html`<div class="call-device">
    <label for=${id}><${Icon} name=${icon} />${label}</label>
    <${Select} id=${id} value=${chosen ?? devices[0]?.id ?? ""} disabled=${devices.length === 0} onChange=${({ currentTarget }) => onChoose(currentTarget.value)}>
      ${devices.length === 0 && html`<option value="">${t("call.device.none")}</option>`}
      ${devices.map((each) => html`<option key=${each.id} value=${each.id}>${each.label}</option>`)}
    <//>
    ${children}
  </div>`;
}

/** How loud the microphone hears, as a bar. */
export function LevelMeter({ stream }) {
  const level = useLevel(stream);
  return html`<div class="call-level" role="meter" aria-label=${t("call.device.level")} aria-valuemin="0" aria-valuemax="100" aria-valuenow=${Math.round(level * 100)}>
    <div class="fill" style=${{ transform: `scaleX(${level})` }}></div>
  </div>`;
}

function TestSound({ speakerId }) {
  const [state, setState] = useState("quiet"); // quiet → playing → played
  const playing = useRef(null);
  useEffect(() => () => playing.current?.abort(), []);
  const play = async () => {
    playing.current?.abort();
    const stopping = new AbortController();
    playing.current = stopping;
    setState("playing");
    await playTone(speakerId, stopping.signal).catch(() => {}); // a loudspeaker that has just gone: nothing is heard
    if (!stopping.signal.aborted) setState("played");
  };
  return html`<div class="call-test">
    <button class="button small" onClick=${play}><${Icon} name="voice" />${t("call.device.test")}</button>
    <span class="muted" role="status">${state === "quiet" ? "" : t(state === "playing" ? "call.device.playing" : "call.device.played")}</span>
  </div>`;
}

/** `devices` as of the call's hook. */
export function CallDevices({ devices }) {
  const { cameras, microphones, speakers, choose } = devices;
  return html`<div class="call-devices">
    <${Choice} label=${t("call.device.camera")} icon="camera" devices=${cameras} chosen=${devices.cameraId} onChoose=${(cameraId) => choose({ cameraId })} />
    <${Choice} label=${t("call.device.microphone")} icon="microphone" devices=${microphones} chosen=${devices.microphoneId} onChoose=${(microphoneId) => choose({ microphoneId })}>
      ${devices.microphoneError === null
        ? html`<${LevelMeter} stream=${devices.stream} />
            <p class="muted">${t("call.device.say")}</p>`
        : html`<${Notice} text=${devices.microphoneError} action=${t("action.try_again")} onAction=${devices.retry} />`}
    <//>
    ${speakers.length > 0
      ? html`<${Choice} label=${t("call.device.speaker")} icon="voice" devices=${speakers} chosen=${devices.speakerId} onChoose=${(speakerId) => choose({ speakerId })}>
          <${TestSound} speakerId=${devices.speakerId} />
        <//>`
      : html`<div class="call-device">
          <p class="call-device-name"><${Icon} name="voice" />${t("call.device.speaker")}</p>
          <p class="muted">${t("call.device.speaker_fixed")}</p>
          <${TestSound} speakerId=${null} />
        </div>`}
  </div>`;
}
