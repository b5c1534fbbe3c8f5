/** The camera: opened by `useCamera`, shown by `CameraView`, mirrored as one knows oneself. */
import { openCamera } from "../camera.js";
import { t } from "../i18n.js";
import { html, useCallback, useEffect, useRef, useState } from "../preact.js";
import { Notice } from "./notice.js";

/** `{stream, error, retry}`; the camera is given back when the view goes away. */
export function useCamera() {
  const [attempt, setAttempt] = useState(0);
  const [camera, setCamera] = useState({ stream: null, error: null });
  useEffect(() => {
    const closing = new AbortController();
    setCamera({ stream: null, error: null });
    openCamera(closing.signal).then(
      (stream) => {
        setCamera({ stream, error: null });
        stream.getVideoTracks()[0].addEventListener("ended", () => {
          setCamera({ stream: null, error: t("camera.stopped") });
        });
      },
      (error) => closing.signal.aborted || setCamera({ stream: null, error: error.message }),
    );
    return () => closing.abort();
  }, [attempt]);
  const retry = useCallback(() => setAttempt((count) => count + 1), []);
  return { ...camera, retry };
}

/** `overlay`, when given, is what lies over the picture: it gets the video's ref. */
export function CameraView({ camera, overlay = null, children }) {
  const video = useRef(null);
  useEffect(() => {
    if (video.current) video.current.srcObject = camera.stream;
  }, [camera.stream]);
  return html`<div class="tile camera">
    <video ref=${video} class="mirrored" autoplay muted playsinline aria-label=${t("camera.yours")}></video>
    ${overlay?.(video)}
    ${camera.error !== null &&
    html`<div class="tile-cover">
      <${Notice} text=${camera.error} action=${t("action.try_again")} onAction=${camera.retry} />
    </div>`}
    ${camera.stream === null &&
    camera.error === null &&
    html`<div class="tile-cover"><p class="muted">${t("camera.waiting")}</p></div>`}
    ${children}
  </div>`;
}
