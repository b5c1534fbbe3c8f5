/** Before a call: everybody tries camera and sound; the member waits, the coach lets them in. */
import { t } from "../i18n.js";
import { html, useEffect, useState } from "../preact.js";
import { address } from "../routes.js";
import { when } from "../words.js";
import { CallDevices } from "./call-devices.js";
import { Outline } from "./call-outline.js";
import { OwnPicture } from "./call-picture.js";
import { Program } from "./call-program.js";
import { Icon } from "./icons.js";
import { Notice } from "./notice.js";
import { Page, PageHead } from "./page.js";

/** Title and time of the call, and with whom it is. */
function LobbyHead({ call, appointment }) {
  const { role } = appointment;
  const other = role === "coach" ? call.member.name : call.coach.name;
  const says = [other && t("call.with", { name: other }), appointment.starts_at && when(appointment.starts_at)];
  return html`<${PageHead}
    title=${call.title}
    says=${says.filter(Boolean).join(" · ")}
    back=${{ href: address("calls"), text: t("view.calls") }}
  />`;
}

/** Told to the server, and so to the coach, whenever it changes. */
function useReady(view, framed) {
  const { devices, send, status } = view;
  const camera = devices.stream !== null && devices.error === null && devices.cameraOn;
  const microphone = devices.stream !== null && devices.microphoneError === null && devices.microphoneOn;
  useEffect(() => {
    if (status === "connected") send("ready", { camera, microphone, framed });
  }, [status, camera, microphone, framed]);
  return { camera, microphone, framed };
}

export function MemberLobby({ view, appointment }) {
  const { call, devices } = view;
  const [framed, setFramed] = useState(false);
  const ready = useReady(view, framed);
  const here = call.coach.present;
  return html`<${Page} kind="page stage call-lobby">
    <${LobbyHead} call=${call} appointment=${appointment} />
    <div class=${`call-waiting ${here ? "here" : ""}`} role="status">
      <span class="call-pulse" aria-hidden="true"></span>
      <p>
        <strong>${t(here ? "call.wait.here" : "call.wait.absent", { name: call.coach.name })}</strong>
        <span class="muted">${t(here ? "call.wait.here_says" : "call.wait.absent_says")}</span>
      </p>
    </div>
    <div class="call-check">
      <div class="call-check-picture">
        <${OwnPicture} devices=${devices}>
          ${ready.camera && html`<${Outline} framed=${framed} />`}
        <//>
        <div class=${framed ? "call-feet framed" : "call-feet"}>
          <p role="status">${t(framed ? "call.framed" : "call.step_back")}</p>
          <label class="check">
            <input
              type="checkbox"
              checked=${framed}
              disabled=${!ready.camera}
              onChange=${({ currentTarget }) => setFramed(currentTarget.checked)}
            />
            <span>${t("call.feet")}</span>
          </label>
        </div>
      </div>
      <section class="panel" aria-labelledby="call-check-title">
        <h2 id="call-check-title">${t("call.check_title")}</h2>
        <${CallDevices} devices=${devices} />
      </section>
    </div>
  <//>`;
}

export function CoachLobby({ view, appointment }) {
  const { call, devices, send } = view;
  return html`<${Page} kind="page stage call-lobby">
    <${LobbyHead} call=${call} appointment=${appointment} />
    <${Arrival} member=${call.member} send=${send} />
    <div class="call-check">
      <div class="call-check-picture">
        <${OwnPicture} devices=${devices} />
        <section class="panel call-plan" aria-labelledby="call-program-title">
          <h2 id="call-program-title">${t("call.program.title")}</h2>
          <${Program} call=${call} refused=${view.refused} send=${send} />
        </section>
      </div>
      <section class="panel" aria-labelledby="call-check-title">
        <h2 id="call-check-title">${t("call.check_title")}</h2>
        <${CallDevices} devices=${devices} />
      </section>
    </div>
  <//>`;
}

const CHECKS = (ready) => [
  [ready.camera, t("call.ready.camera"), t("call.ready.no_camera")],
  [ready.microphone, t("call.ready.microphone"), t("call.ready.no_microphone")],
  [ready.framed, t("call.ready.framed"), t("call.ready.not_framed")],
];

/** Who waits, and what they have tried so far. */
function Arrival({ member, send }) {
  const { name, present, ready } = member;
  return html`<section class=${`call-waiting ${present ? "here" : ""}`} aria-label=${t("call.arrival")}>
    <span class="call-pulse" aria-hidden="true"></span>
    <div role="status">
      <p>
        <strong>${t(present ? "call.arrived" : "call.awaited", { name: name ?? t("call.someone") })}</strong>
        ${!present && html`<span class="muted">${t("call.awaited_says")}</span>`}
      </p>
      ${present &&
      html`<ul class="call-checks">
        ${ready === null
          ? html`<li class="muted">${t("call.ready.none")}</li>`
          : CHECKS(ready).map(
              ([done, yes, no]) => html`<li key=${yes} class=${done ? "good" : "fair"}>
                <${Icon} name=${done ? "good" : "wait"} />${done ? yes : no}
              </li>`,
            )}
      </ul>`}
    </div>
    ${present &&
    html`<div class="actions">
      <button class="button quiet" onClick=${() => send("dismiss")}>${t("call.dismiss")}</button>
      <button class="button primary big" onClick=${() => send("admit")}><${Icon} name="good" />${t("call.admit")}</button>
    </div>`}
  </section>`;
}

/** While neither side of the call is known. */
export function Opening({ appointment, view }) {
  return html`<${Page} kind="page stage">
    <${PageHead} title=${appointment.title} back=${{ href: address("calls"), text: t("view.calls") }} />
    ${view.error === null
      ? html`<p class="muted" role="status">${t("call.opening")}</p>`
      : html`<${Notice} text=${view.error} action=${t("action.try_again")} onAction=${view.retry} />`}
  <//>`;
}
