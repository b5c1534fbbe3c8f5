/** Offline comparisons: what becomes of them, told as it happens. */
import { getJob, openJobEvents } from "./api.js";
import { pause } from "./pause.js";
import { eventsOf } from "./server-sent-events.js";

/** How long to wait before asking again, where nothing is told. */
const ASK_MS = 2_000;

/** The server sends a sign of life each 15 s; without two of them nothing comes through any more. */
const SILENT_MS = 40_000;

export const isOver = ({ state }) => state === "done" || state === "failed" || state === "cancelled";

/**
 * Follow a job until it is over; `onProgress` gets `{progress, stage}` whenever that changes.
 *
 * Returns the job as it is then, null when it has been removed. It is told by the server's events; where those break
 * off or don't come through it asks. Fails only when `signal` aborts.
 */
export async function followJob(id, onProgress, signal) {
  for (;;) {
    const told = await listen(id, onProgress, signal);
    if (told !== null) return told;
    try {
      const job = await getJob(id, signal);
      if (isOver(job)) return job;
      onProgress({ progress: job.progress, stage: job.stage });
    } catch (failure) {
      signal.throwIfAborted();
      if (failure.status === 404) return null;
    }
    await pause(ASK_MS, signal);
  }
}

/** The job as the last event tells it; null when that does not come. */
async function listen(id, onProgress, signal) {
  const silence = new AbortController();
  const either = AbortSignal.any([signal, silence.signal]);
  let timer;
  const heard = () => {
    clearTimeout(timer);
    timer = setTimeout(() => silence.abort(), SILENT_MS);
  };
  try {
    heard();
    const response = await openJobEvents(id, either);
    for await (const { event, data } of eventsOf(response, heard)) {
      if (event !== "progress") return JSON.parse(data);
      onProgress(JSON.parse(data));
    }
  } catch {
    signal.throwIfAborted();
  } finally {
    clearTimeout(timer);
  }
  return null;
}
