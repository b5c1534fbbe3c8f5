/** The camera, and its failures in words. */

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

const SENTENCES = {
  NotAllowedError:
    "The camera is blocked for this page. Allow it with the camera symbol in the address bar, then try again.",
  NotFoundError: "No camera was found. Connect one, then try again.",
  NotReadableError:
    "The camera is in use by another program. Close that program, then try again.",
  OverconstrainedError:
    "This camera can’t deliver a usable picture. Connect another one, then try again.",
  AbortError: "The camera stopped while it was starting. Try again.",
  SecurityError: "The browser’s settings forbid cameras. Allow them, then try again.",
};

/** What to tell when `getUserMedia` failed with an error of this name. */
export function cameraSentence(name) {
  return SENTENCES[name] ?? "The camera could not be started. Try again, or use another browser.";
}

/**
 * Open the camera. Its tracks stop when `signal` aborts, also when that happens before it is open.
 *
 * Throws a `CameraError`.
 */
export async function openCamera(signal) {
  if (!window.isSecureContext) {
    throw new CameraError(
      "Browsers only give the camera to secure pages. Open this page with https, or on this computer as localhost.",
    );
  }
  if (!navigator.mediaDevices?.getUserMedia) {
    throw new CameraError(
      "This browser can’t use a camera. Open the page in a current Firefox, Chrome, Edge or Safari.",
    );
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
