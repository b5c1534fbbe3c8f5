/** The call that comes next, above the day's plan. */
import { listCalls } from "../api.js";
import { nextCall, otherName, stageOf, stageWords } from "../calls.js";
import { t } from "../i18n.js";
import { useLoaded } from "../loading.js";
import { html } from "../preact.js";
import { useSeenAgain } from "../seen-again.js";
import { CallTime, EnterCall } from "./call-rows.js";

/** Who has older ones that are still to come finds them under Calls. */
const LOOKED_AT = 50;

/** Nothing without one; that calls can't be asked for is told where they are listed. */
export function NextCall() {
  const { value: calls, reload } = useLoaded((signal) => listCalls({ limit: LOOKED_AT }, signal));
  useSeenAgain(reload);
  const call = calls && nextCall(calls);
  if (call === null) return null;
  return html`<section class="panel next-call" aria-label=${t("calls.next")}>
    <${CallTime} call=${call} />
    <div class="row-words">
      <strong>${call.title}</strong>
      <span class="row-parts muted">
        <span class="part">${t("calls.with", { name: otherName(call) })}</span>${" "}
        ${stageOf(call) === "running" && html`<span class="part call-stage running">${stageWords(call)}</span>`}
      </span>
    </div>
    <${EnterCall} call=${call} big />
  </section>`;
}
