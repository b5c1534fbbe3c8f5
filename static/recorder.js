/** Records a clip of the camera in the browser. */
import { t } from "./i18n.js";

/** Seconds: the server needs 64 frames (2.56 s); twenty hold a few repetitions of any exercise. */
export const SHORTEST_S = 3;
export const LONGEST_S = 20;

/** In order of preference; the server reads each. */
const TYPES = ["video/webm;codecs=vp8", "video/webm", "video/mp4"];

/** The container this browser records, or null when it can't record. */
export function recordingType() {
  if (typeof MediaRecorder === "undefined") return null;
  return TYPES.find((type) => MediaRecorder.isTypeSupported(type)) ?? null;
}

/** The file name that a recording of `type` gets. */
export const recordingName = (type) => (type.startsWith("video/mp4") ? "recording.mp4" : "recording.webm");

/**
 * Record `stream` until `stop` aborts or `LONGEST_S` have passed.
 *
 * Returns a Blob. Throws an Error whose message says what to do.
 */
export function record(stream, stop) {
  const type = recordingType();
  if (type === null) {
    throw new Error(t("record.unsupported"));
  }
  const recorder = new MediaRecorder(stream, { mimeType: type, videoBitsPerSecond: 2_500_000 });
  return new Promise((resolve, reject) => {
    const parts = [];
    recorder.addEventListener("dataavailable", ({ data }) => parts.push(data));
    recorder.addEventListener("stop", () => resolve(new Blob(parts, { type: type.split(";")[0] })));
    recorder.addEventListener("error", () => reject(new Error(t("record.failed"))));
    const end = () => recorder.state !== "inactive" && recorder.stop();
    const timer = setTimeout(end, LONGEST_S * 1000);
    stop.addEventListener("abort", () => (clearTimeout(timer), end()), { once: true });
    recorder.start();
  });
}
