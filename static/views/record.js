/** Record a reference with the camera: get ready, record, look, name, save. */
import { CameraView, useCamera } from "../components/camera-view.js";
import { Countdown } from "../components/countdown.js";
import { AimFields, MirroredField, NameField } from "../components/exercise-fields.js";
import { Dialog } from "../components/dialog.js";
import { Icon } from "../components/icons.js";
import { Notice } from "../components/notice.js";
import { Page, PageHead } from "../components/page.js";
import { PlayButton } from "../components/play-button.js";
import { useConsent } from "../consent.js";
import { targetOf } from "../exercise-draft.js";
import { t } from "../i18n.js";
import { useObjectUrl } from "../media.js";
import { html, useEffect, useRef, useState } from "../preact.js";
import { LONGEST_S, SHORTEST_S, record, recordingName } from "../recorder.js";
import { address } from "../routes.js";
import { useUnsaved } from "../unsaved.js";
import { clock } from "../words.js";

const COUNTDOWN_S = 3;

export function Record({ library }) {
  const camera = useCamera();
  const [step, setStep] = useState("ready"); // ready → countdown → recording → review
  const [clip, setClip] = useState(null);
  const [error, setError] = useState(null);
  const [ask, question] = useConsent();
  const stopping = useRef(null);
  const { to, stay, leave } = useUnsaved(step === "review");

  useEffect(() => () => stopping.current?.abort(), []);

  const prepare = async () => {
    setError(null);
    try {
      if (await ask("recording")) setStep("countdown");
    } catch (failure) {
      setError(failure.message);
    }
  };
  const start = async () => {
    setStep("recording");
    const stop = new AbortController();
    stopping.current = stop;
    try {
      setClip(await record(camera.stream, stop.signal));
      setStep("review");
    } catch (failure) {
      setError(failure.message);
      setStep("ready");
    }
  };
  const save = (about) => {
    library.upload(about, clip, recordingName(clip.type));
    leave(address("library"));
  };
  const retake = () => {
    setClip(null);
    setStep("ready");
  };

  return html`<${Page} kind="page stage">
    <${PageHead}
      title=${t(step === "review" ? "record.review_title" : "record.title")}
      back=${{ href: address("library"), text: t("view.library") }}
    />
    ${error !== null && html`<${Notice} text=${error} />`}
    ${step === "review"
      ? html`<${Review} clip=${clip} onSave=${save} onRetake=${retake} />`
      : html`<div class="stage-one">
          <${CameraView} camera=${camera}>
            ${step === "ready" && camera.stream !== null && html`<${FramingHint} />`}
            ${step === "countdown" &&
            html`<${Countdown}
              seconds=${COUNTDOWN_S}
              words=${t("record.in_place")}
              onZero=${start}
            />`}
            ${step === "recording" && html`<${RecordingTime} />`}
          <//>
          <div class="stage-actions">
            ${step === "ready" &&
            html`<p class="muted">
                ${t("record.says", { shortest: SHORTEST_S, longest: LONGEST_S })}
              </p>
              <button
                class="button primary big"
                disabled=${camera.stream === null}
                onClick=${prepare}
              >
                <${Icon} name="camera" />${t("record.start")}
              </button>`}
            ${step === "countdown" &&
            html`<button class="button big" onClick=${() => setStep("ready")}>${t("action.cancel")}</button>`}
            ${step === "recording" && html`<${StopButton} onStop=${() => stopping.current.abort()} />`}
          </div>
        </div>`}
    ${to !== null &&
    html`<${Dialog} title=${t("record.leave_title")} onClose=${stay}>
      <p>${t("record.leave_text")}</p>
      <div class="actions">
        <button class="button quiet" onClick=${() => leave()}>${t("record.leave")}</button>
        <button class="button primary" onClick=${stay} autofocus>${t("record.stay")}</button>
      </div>
    <//>`}
    ${question}
  <//>`;
}

/** The picture's edges, and the one thing that most often goes wrong. */
export function FramingHint() {
  return html`<div class="framing" aria-hidden="true"></div>
    <p class="tile-hint">${t("record.framing")}</p>`;
}

/** Seconds since it appeared, several times a second. */
function useElapsed() {
  const [elapsed, setElapsed] = useState(0);
  useEffect(() => {
    const start = performance.now();
    const timer = setInterval(() => setElapsed((performance.now() - start) / 1000), 200);
    return () => clearInterval(timer);
  }, []);
  return elapsed;
}

function RecordingTime() {
  const elapsed = useElapsed();
  return html`<div class="recording-time" role="timer">
      <span class="dot"></span><span class="number">${clock(elapsed)}</span>
      <span class="muted number">${t("record.of", { longest: clock(LONGEST_S) })}</span>
    </div>
    <div class="recording-bar"><div class="fill" style=${{ transform: `scaleX(${Math.min(1, elapsed / LONGEST_S)})` }}></div></div>`;
}

function StopButton({ onStop }) {
  const tooShort = useElapsed() < SHORTEST_S;
  return html`<button class="button primary big" disabled=${tooShort} onClick=${onStop}>
    <${Icon} name="stop" />${t(tooShort ? "record.keep_going" : "record.stop")}
  </button>`;
}

function Review({ clip, onSave, onRetake }) {
  const url = useObjectUrl(clip);
  const [video, setVideo] = useState(null);
  const [about, setAbout] = useState({ name: "", kind: "repetitions", target: "", mirrored: false });
  const edit = (fields) => setAbout((before) => ({ ...before, ...fields }));
  const submit = (event) => {
    event.preventDefault();
    onSave({ ...about, name: about.name.trim(), target: targetOf(about.target) });
  };
  return html`<div class="stage-two">
    <div class="tile">
      ${url !== null &&
      html`<video
        ref=${setVideo}
        src=${url}
        class=${about.mirrored ? "mirrored" : undefined}
        autoplay
        loop
        muted
        playsinline
        aria-label=${t("record.yours")}
      ></video>`}
      ${video !== null && html`<${PlayButton} video=${video} />`}
    </div>
    <form class="form" onSubmit=${submit}>
      <p class="muted">${t("record.review_says")}</p>
      <${NameField}
        label=${t("record.name")}
        value=${about.name}
        onName=${(name) => edit({ name })}
        placeholder=${t("record.name_example")}
        autofocus
      />
      <${AimFields}
        kind=${about.kind}
        target=${about.target}
        onKind=${(kind) => edit({ kind })}
        onTarget=${(target) => edit({ target })}
      />
      <${MirroredField} mirrored=${about.mirrored} onMirrored=${(mirrored) => edit({ mirrored })} />
      <div class="actions">
        <button type="button" class="button quiet" onClick=${onRetake}><${Icon} name="again" />${t("record.retake")}</button>
        <button class="button primary">${t("record.save")}</button>
      </div>
    </form>
  </div>`;
}
