/** What the coach does with an exercise in a call: start, pause, stop, next. */
import { t } from "../i18n.js";
import { html } from "../preact.js";
import { Icon } from "./icons.js";

/** One button for start, pause and resume, so that the focus stays where it is. */
function Main({ call, send }) {
  const { run, current, live_reference: reference, member } = call;
  if (run === null) {
    const why = !member.present
      ? t("call.start.absent", { name: member.name })
      : current === null && reference !== "on"
        ? t("call.start.choose")
        : null;
    return html`<button class="button primary call-start" disabled=${why !== null} title=${why} onClick=${() => send("start")}>
      <${Icon} name="play" /><span>${t("call.start")}</span>
    </button>`;
  }
  const paused = run.state === "paused";
  return html`<button class="button primary call-start" onClick=${() => send(paused ? "resume" : "pause")}>
    <${Icon} name=${paused ? "play" : "pause"} /><span>${t(paused ? "call.resume" : "call.pause")}</span>
  </button>`;
}

export function RunButtons({ call, send, onMark }) {
  const { run, current, program } = call;
  const last = current === null ? program.length === 0 : current + 1 >= program.length;
  return html`<div class="call-buttons" role="group" aria-label=${t("call.run")}>
    <${Main} call=${call} send=${send} />
    <button class="button" disabled=${run === null} onClick=${() => send("stop")}><${Icon} name="stop" /><span>${t("call.stop")}</span></button>
    <button class="button" disabled=${last} onClick=${() => send("next")}><${Icon} name="next" /><span>${t("call.next")}</span></button>
    <button class="button" aria-keyshortcuts="M" onClick=${onMark}><${Icon} name="flag" /><span>${t("call.mark")}</span><kbd>M</kbd></button>
  </div>`;
}
