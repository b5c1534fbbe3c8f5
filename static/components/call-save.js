/** Keep what the coach showed last as an exercise: name it, send it, cut it to its repetitions. */
import { changeExercise, uploadExercise } from "../api.js";
import { lastPart } from "../call-count.js";
import { t } from "../i18n.js";
import { html, useEffect, useRef, useState } from "../preact.js";
import { recordingName } from "../recorder.js";
import { SHORTEST_S, canTrim, trimPoints } from "../trim.js";
import { Dialog } from "./dialog.js";
import { AimFields, NameField } from "./exercise-fields.js";
import { targetOf } from "../exercise-draft.js";
import { Notice } from "./notice.js";
import { Progress } from "./progress.js";
import { TrimEditor } from "./trim-editor.js";

/** `recording` is `{blob, durationS, cycleS}`, the last null where there was no rhythm. */
export function SaveReference({ recording, onClose }) {
  const [about, setAbout] = useState({ name: "", kind: "repetitions", target: "" });
  const [share, setShare] = useState(null); // of what has been sent; null: nothing is on its way
  const [exercise, setExercise] = useState(null);
  const [part, setPart] = useState(null);
  const [error, setError] = useState(null);
  const leaving = useRef(new AbortController());
  useEffect(() => () => leaving.current.abort(), []);

  const work = async (doing) => {
    setError(null);
    try {
      await doing();
    } catch (failure) {
      if (!leaving.current.signal.aborted) setError(failure.message);
    }
    setShare(null);
  };
  const send = (event) => {
    event.preventDefault();
    const fields = { ...about, name: about.name.trim(), target: targetOf(about.target), mirrored: false };
    work(async () => {
      setShare(0);
      const made = await uploadExercise(fields, recording.blob, recordingName(recording.blob.type), setShare, leaving.current.signal);
      if (!canTrim(made.clip_duration_s)) return onClose();
      setPart(lastPart(made.clip_duration_s, recording.cycleS, SHORTEST_S));
      setExercise(made);
    });
  };
  const cut = () =>
    work(async () => {
      await changeExercise(exercise.id, trimPoints(part, exercise.clip_duration_s));
      onClose();
    });

  return html`<${Dialog} title=${t(exercise === null ? "call.save.title" : "call.save.cut_title")} onClose=${onClose}>
    ${error !== null && html`<${Notice} text=${error} />`}
    ${exercise === null
      ? html`<form class="form" onSubmit=${send}>
          <p class="muted">${t("call.save.says", { seconds: Math.round(recording.durationS) })}</p>
          <${NameField} value=${about.name} onName=${(name) => setAbout((before) => ({ ...before, name }))} autofocus />
          <${AimFields}
            kind=${about.kind}
            target=${about.target}
            onKind=${(kind) => setAbout((before) => ({ ...before, kind }))}
            onTarget=${(target) => setAbout((before) => ({ ...before, target }))}
          />
          ${share !== null && html`<${Progress} label=${t("library.uploading")} share=${share} />`}
          <div class="actions">
            <button type="button" class="button quiet" onClick=${onClose}>${t("action.cancel")}</button>
            <button class="button primary" disabled=${share !== null}>${t("call.save.send")}</button>
          </div>
        </form>`
      : html`<p class="muted">${t("call.save.cut_says")}</p>
          <${TrimEditor} exercise=${exercise} part=${part} mirrored=${false} onPart=${setPart} />
          <div class="actions">
            <button class="button quiet" onClick=${onClose}>${t("call.save.whole")}</button>
            <button class="button primary" onClick=${cut}>${t("call.save.cut")}</button>
          </div>`}
  <//>`;
}
