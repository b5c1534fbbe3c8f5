/** A call from the device check to its end; what is seen is in components/call-*.js. */
import { getCall } from "../api.js";
import { useCall } from "../call/use-call.js";
import { CoachCall } from "../components/call-coach.js";
import { CoachLobby, MemberLobby, Opening } from "../components/call-lobby.js";
import { MemberCall } from "../components/call-member.js";
import { CallOver } from "../components/call-over.js";
import { CallSound } from "../components/call-sound.js";
import { Notice } from "../components/notice.js";
import { Page, PageHead } from "../components/page.js";
import { useConsent } from "../consent.js";
import { t } from "../i18n.js";
import { Loaded, useLoaded } from "../loading.js";
import { html, useEffect, useState } from "../preact.js";
import { address } from "../routes.js";

export function Call({ id }) {
  const loaded = useLoaded((signal) => getCall(id, signal), [id]);
  const appointment = loaded.value;
  if (appointment === null) {
    return html`<${Page}>
      <${PageHead} title=${t("view.call")} back=${{ href: address("calls"), text: t("view.calls") }} />
      <${Loaded} loaded=${loaded} />
    <//>`;
  }
  if (appointment.state === "ended") return html`<${CallOver} id=${id} reason="ended" />`;
  return appointment.role === "member"
    ? html`<${Allowed} appointment=${appointment} />`
    : html`<${Room} appointment=${appointment} />`;
}

/** What a member is asked to allow before anything of them is sent. */
const PURPOSES = ["call", "scoring"];

/** The room, when the member allows what it takes; at once where they did before, as after a reload. */
function Allowed({ appointment }) {
  const [allowed, setAllowed] = useState(null); // null while it is being asked
  const [error, setError] = useState(null);
  const [ask, question] = useConsent();
  const askAll = async () => {
    setAllowed(null);
    setError(null);
    try {
      for (const purpose of PURPOSES) {
        if (!(await ask(purpose)) && purpose === "call") return setAllowed(false); // without scoring they can still talk
      }
      setAllowed(true);
    } catch (failure) {
      setError(failure.message);
      setAllowed(false);
    }
  };
  useEffect(() => void askAll(), []);
  if (allowed === true) return html`<${Room} appointment=${appointment} />`;
  return html`<${Page} kind="page stage">
    <${PageHead}
      title=${appointment.title}
      says=${t("call.with", { name: appointment.coach_name })}
      back=${{ href: address("calls"), text: t("view.calls") }}
    />
    ${allowed === null
      ? html`<p class="muted" role="status">${t("call.opening")}</p>`
      : html`<${Notice} text=${error ?? t("call.not_allowed")} action=${t(error === null ? "call.ask_again" : "action.try_again")} onAction=${askAll} />`}
    ${question}
  <//>`;
}

function Room({ appointment }) {
  const { id } = appointment;
  const view = useCall(id);
  const { call, over, status } = view;
  if (status === "over") return html`<${CallOver} id=${id} reason=${over} error=${over === "refused" ? view.error : null} onRetry=${view.retry} />`;
  if (call === null) return html`<${Opening} appointment=${appointment} view=${view} />`;
  const coaches = appointment.role === "coach";
  return html`${call.phase === "waiting"
      ? coaches
        ? html`<${CoachLobby} view=${view} appointment=${appointment} />`
        : html`<${MemberLobby} view=${view} appointment=${appointment} />`
      : coaches
        ? html`<${CoachCall} view=${view} />`
        : html`<${MemberCall} view=${view} />`}
    <${CallSound} stream=${view.remote} speakerId=${view.devices.speakerId} />`;
}
