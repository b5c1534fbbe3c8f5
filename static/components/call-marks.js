/** Moments that the coach notes while the call goes on. */
import { t } from "../i18n.js";
import { html, useEffect, useId, useLayoutEffect, useRef, useState } from "../preact.js";
import { clock, when } from "../words.js";
import { Icon } from "./icons.js";

const LONGEST_NOTE = 500;
/** So far back the server takes a moment. */
const MOST_AGO_S = 600;

/**
 * `[noting, begin, end]`: `noting` is when the moment was that is being noted, on the clock of `performance`, else null.
 * The key M begins.
 */
export function useNoting() {
  const [noting, setNoting] = useState(null);
  const begin = () => setNoting((before) => before ?? performance.now());
  useEffect(() => {
    const press = (event) => {
      if (event.key.toLowerCase() !== "m" || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.target.closest?.("input:not([type=radio], [type=checkbox]), textarea, select, dialog")) return;
      event.preventDefault(); // it would be the note's first letter
      begin();
    };
    window.addEventListener("keydown", press);
    return () => window.removeEventListener("keydown", press);
  }, []);
  return [noting, begin, () => setNoting(null)];
}

/** The words to a moment. Not a dialog: the picture stays in sight and everything else can be done. */
export function NoteForm({ sinceMs, send, onClose }) {
  const id = useId();
  const input = useRef(null);
  const [note, setNote] = useState("");
  const [failed, setFailed] = useState(false);
  // At once: the next keys are the note's.
  useLayoutEffect(() => {
    const before = document.activeElement;
    input.current.focus();
    return () => before?.isConnected && before.focus({ preventScroll: true });
  }, []);
  const save = (event) => {
    event.preventDefault();
    const words = note.trim();
    if (words === "") return input.current.focus();
    const agoS = Math.min(MOST_AGO_S, (performance.now() - sinceMs) / 1000);
    if (send("mark", { note: words, ago_s: Math.round(agoS * 10) / 10 })) onClose();
    else setFailed(true);
  };
  return html`<form class="call-note" onSubmit=${save} onKeyDown=${(event) => event.key === "Escape" && onClose()}>
    <label for=${id}><${Icon} name="flag" /><span>${t("call.note")}</span></label>
    <input
      id=${id}
      ref=${input}
      maxlength=${LONGEST_NOTE}
      autocomplete="off"
      placeholder=${t("call.note_example")}
      value=${note}
      onInput=${({ currentTarget }) => setNote(currentTarget.value)}
    />
    <button class="button primary small">${t("call.note_save")}</button>
    <button type="button" class="button quiet small" onClick=${onClose}>${t("action.cancel")}</button>
    ${failed && html`<p role="alert">${t("call.not_sent")}</p>`}
  </form>`;
}

/** The marks of a call, newest first; those of the run that is shown with its time. */
export function Marks({ marks, sessionId }) {
  if (marks.length === 0) return html`<p class="muted">${t("call.marks.none")}</p>`;
  return html`<ul class="call-marks">
    ${marks.toReversed().map(
      (mark) => html`<li key=${mark.id}>
        <span class="number muted">${mark.session_id === sessionId && mark.t_s !== null ? clock(mark.t_s) : when(mark.at)}</span>
        <span>${mark.note}</span>
      </li>`,
    )}
  </ul>`;
}
