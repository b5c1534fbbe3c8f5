/** The camera, and its failures in words. */
import { keys, t } from "./i18n.js";

/** Small on purpose: the server looks at 224 pixels, 25 times a second. */
const VIDEO = {
  width: { ideal: 640 },
  height: { ideal: 480 },
  frameRate: { ideal: 25, max: 30 },
  facingMode: "user",
};

/** A camera that can't be used; the message says what to do. */
export class CameraError extends Error {
  constructor(message) {
    super(message);
    this.name = "CameraError";
  }
}

const SENTENCES = keys({
  NotAllowedError: "camera.blocked",
  NotFoundError: "camera.missing",
  NotReadableError: "camera.in_use",
  OverconstrainedError: "camera.unusable",
  AbortError: "camera.aborted",
  SecurityError: "camera.forbidden",
});

/** What to tell when `getUserMedia` failed with an error of this name. */
export const cameraSentence = (name) => t(SENTENCES[name] ?? "camera.failed");

/**
 * Open the camera. Its tracks stop when `signal` aborts, also when that happens before it is open.
 *
 * Throws a `CameraError`.
 */
export async function openCamera(signal) {
  if (!window.isSecureContext) {
    throw new CameraError(t("camera.insecure"));
  }
  if (!navigator.mediaDevices?.getUserMedia) {
    throw new CameraError(t("camera.unsupported"));
  }
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: VIDEO, audio: false });
  } catch (error) {
    throw new CameraError(cameraSentence(error.name));
  }
  const stop = () => stream.getTracks().forEach((track) => track.stop());
  if (signal.aborted) stop();
  else signal.addEventListener("abort", stop, { once: true });
  signal.throwIfAborted();
  return stream;
}
