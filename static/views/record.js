/** Record a reference with the camera: get ready, record, look, name, save. */
import { CameraView, useCamera } from "../components/camera-view.js";
import { Countdown } from "../components/countdown.js";
import { Icon } from "../components/icons.js";
import { Notice } from "../components/notice.js";
import { html, useEffect, useId, useRef, useState } from "../preact.js";
import { LONGEST_S, SHORTEST_S, record, recordingName } from "../recorder.js";
import { LIBRARY } from "../routes.js";
import { clock } from "../words.js";

const COUNTDOWN_S = 3;

export function Record({ library }) {
  const camera = useCamera();
  const [step, setStep] = useState("ready"); // ready → countdown → recording → review
  const [clip, setClip] = useState(null);
  const [error, setError] = useState(null);
  const stopping = useRef(null);

  useEffect(() => () => stopping.current?.abort(), []);

  const start = async () => {
    setError(null);
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
  const save = (name) => {
    library.upload(name, clip, recordingName(clip.type));
    window.location.hash = LIBRARY;
  };
  const retake = () => {
    setClip(null);
    setStep("ready");
  };

  return html`<main class="page stage">
    <div class="page-head">
      <div>
        <a class="back" href=${LIBRARY}><${Icon} name="back" />Library</a>
        <h1>${step === "review" ? "Keep this clip?" : "Record a reference"}</h1>
      </div>
    </div>
    ${error !== null && html`<${Notice} text=${error} />`}
    ${step === "review"
      ? html`<${Review} clip=${clip} onSave=${save} onRetake=${retake} />`
      : html`<div class="stage-one">
          <${CameraView} camera=${camera}>
            ${step === "ready" && camera.stream !== null && html`<${FramingHint} />`}
            ${step === "countdown" &&
            html`<${Countdown}
              seconds=${COUNTDOWN_S}
              words="Get in place"
              onZero=${start}
            />`}
            ${step === "recording" && html`<${RecordingTime} />`}
          <//>
          <div class="stage-actions">
            ${step === "ready" &&
            html`<p class="muted">
                Show the movement two or three times, ${SHORTEST_S} to ${LONGEST_S} seconds long. Recording starts after a short countdown.
              </p>
              <button
                class="button primary big"
                disabled=${camera.stream === null}
                onClick=${() => setStep("countdown")}
              >
                <${Icon} name="camera" />Start recording
              </button>`}
            ${step === "countdown" &&
            html`<button class="button big" onClick=${() => setStep("ready")}>Cancel</button>`}
            ${step === "recording" && html`<${StopButton} onStop=${() => stopping.current.abort()} />`}
          </div>
        </div>`}
  </main>`;
}

/** The picture's edges, and the one thing that most often goes wrong. */
export function FramingHint() {
  return html`<div class="framing" aria-hidden="true"></div>
    <p class="tile-hint">Step back until your whole body is in the picture.</p>`;
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
      <span class="muted number">of ${clock(LONGEST_S)}</span>
    </div>
    <div class="recording-bar"><div class="fill" style=${{ transform: `scaleX(${Math.min(1, elapsed / LONGEST_S)})` }}></div></div>`;
}

function StopButton({ onStop }) {
  const tooShort = useElapsed() < SHORTEST_S;
  return html`<button class="button primary big" disabled=${tooShort} onClick=${onStop}>
    <${Icon} name="stop" />${tooShort ? "Keep going…" : "Stop recording"}
  </button>`;
}

function Review({ clip, onSave, onRetake }) {
  const [url, setUrl] = useState(null);
  const id = useId();
  useEffect(() => {
    const made = URL.createObjectURL(clip);
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [clip]);
  const submit = (event) => {
    event.preventDefault();
    onSave(new FormData(event.currentTarget).get("name").trim());
  };
  return html`<div class="stage-two">
    <div class="tile">
      ${url !== null &&
      html`<video src=${url} autoplay loop muted playsinline controls aria-label="Your recording"></video>`}
    </div>
    <form class="form" onSubmit=${submit}>
      <p class="muted">This is how it looks beside you when you train with it.</p>
      <div class="field">
        <label for=${id}>Name of the movement</label>
        <input id=${id} name="name" maxlength="80" pattern=".*\\S.*" placeholder="For example: Squat" required autofocus />
      </div>
      <div class="actions">
        <button type="button" class="button quiet" onClick=${onRetake}><${Icon} name="again" />Retake</button>
        <button class="button primary">Save reference</button>
      </div>
    </form>
  </div>`;
}
