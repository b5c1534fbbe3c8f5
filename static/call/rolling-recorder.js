/** The last seconds of the own camera, kept in memory for when somebody wants them. */
import { recordingType } from "../recorder.js";

/** A recording begins this often, and the one before the last is forgotten: the older of two has 30 to 60 s. */
const SPAN_MS = 30_000;

const BITS_A_SECOND = 2_000_000;

const standardRecorder = (stream, type) =>
  new MediaRecorder(stream, { mimeType: type, videoBitsPerSecond: BITS_A_SECOND });

/**
 * Record a camera track over and over until `signal` aborts. Nothing leaves the page.
 *
 * Two recordings overlap, because a part of one can't be played without its begin.
 *
 * Returns `{take()}`: a promise of `{blob, durationS}` with the last 60 s at most, or null when there is nothing yet or
 * this browser can't record. After a `take` it goes on. After the end `take` still has what was last.
 */
export function recordRolling(
  track,
  signal,
  { type = recordingType(), make = standardRecorder, now = () => performance.now() } = {},
) {
  if (type === null) return { take: () => null };
  const running = []; // older first

  const begin = () => {
    if (track.readyState !== "live") return;
    while (running.length > 1) running.shift().end();
    running.push(recording(track, type, make, now));
  };
  begin();
  const timer = setInterval(begin, SPAN_MS);
  signal.addEventListener(
    "abort",
    () => {
      clearInterval(timer);
      for (const each of running) each.end();
      running.splice(1); // the older one has what the other has
    },
    { once: true },
  );
  return {
    take() {
      if (running.length === 0) return null;
      if (signal.aborted) return running[0].end();
      const oldest = running.shift();
      if (running.length === 0) begin();
      return oldest.end();
    },
  };
}

/** One recording from now on; `end()` is a promise of `{blob, durationS}`, and may be called again. */
function recording(track, type, make, now) {
  const recorder = make(new MediaStream([track]), type);
  const parts = [];
  const beganMs = now();
  let endedMs = null;
  const whole = new Promise((resolve) => {
    // Also when the camera is closed.
    recorder.addEventListener("stop", () => {
      endedMs ??= now();
      resolve({ blob: new Blob(parts, { type: type.split(";")[0] }), durationS: (endedMs - beganMs) / 1000 });
    });
  });
  recorder.addEventListener("dataavailable", ({ data }) => parts.push(data));
  recorder.start();
  return {
    end() {
      if (recorder.state !== "inactive") {
        endedMs = now();
        recorder.stop();
      }
      return whole;
    },
  };
}
