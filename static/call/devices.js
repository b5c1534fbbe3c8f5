/** Camera and microphone of a call, and their failures in words. */
import { CameraError, cameraSentence } from "../camera.js";
import { keys, t } from "../i18n.js";

const VIDEO = { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 25, max: 30 } };

/** Both may be heard through loudspeakers in the same room as the microphone. */
const AUDIO = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };

const MICROPHONE_SENTENCES = keys({
  NotAllowedError: "microphone.blocked",
  NotFoundError: "microphone.missing",
  NotReadableError: "microphone.in_use",
  OverconstrainedError: "microphone.gone",
  AbortError: "microphone.aborted",
  SecurityError: "microphone.forbidden",
});

export const KINDS = ["camera", "microphone"];

/** What to tell when a device of `kind` could not be opened, by the name of the error. */
export const deviceSentence = (kind, name) =>
  kind === "camera" ? cameraSentence(name) : t(MICROPHONE_SENTENCES[name] ?? "microphone.failed");

/** What to tell when a device that was in use is gone. */
export const stoppedSentence = (kind) => (kind === "camera" ? t("camera.stopped") : t("microphone.stopped"));

/** The constraints for a device: exactly the one with this id, or any (null). */
function constraints(kind, id, exact) {
  const chosen = id === null ? {} : { deviceId: exact ? { exact: id } : { ideal: id } };
  if (kind === "microphone") return { ...AUDIO, ...chosen };
  return id === null ? { ...VIDEO, facingMode: "user" } : { ...VIDEO, ...chosen };
}

/**
 * Open what is wanted of a camera and a microphone.
 *
 * `wanted` has `camera` and `microphone`, each `{id, exact}` with id null for any, or null for none. Both are asked
 * for together, so that the browser asks the person once; where that fails each is opened for itself.
 *
 * Returns `{camera, microphone}`, each `{track, error}`: a track and null, or null and a sentence. Throws a
 * `CameraError` where this page can have neither.
 */
export async function openDevices(wanted, media = navigator.mediaDevices) {
  if (!globalThis.isSecureContext) throw new CameraError(t("camera.insecure"));
  if (!media?.getUserMedia) throw new CameraError(t("camera.unsupported"));
  const kinds = KINDS.filter((kind) => wanted[kind] !== null);
  const none = { track: null, error: null };
  const opened = { camera: none, microphone: none };
  if (kinds.length > 1) {
    try {
      const tracks = await open(kinds, wanted, media);
      for (const kind of kinds) opened[kind] = { track: tracks[kind], error: null };
      return opened;
    } catch {
      // One of them can't be had; which one shows when each is asked for alone.
    }
  }
  for (const kind of kinds) {
    try {
      opened[kind] = { track: (await open([kind], wanted, media))[kind], error: null };
    } catch (error) {
      opened[kind] = { track: null, error: deviceSentence(kind, error.name) };
    }
  }
  return opened;
}

async function open(kinds, wanted, media) {
  const asked = (kind) => kinds.includes(kind) && constraints(kind, wanted[kind].id, wanted[kind].exact);
  const stream = await media.getUserMedia({ video: asked("camera"), audio: asked("microphone") });
  return { camera: stream.getVideoTracks()[0] ?? null, microphone: stream.getAudioTracks()[0] ?? null };
}

const LISTS = { videoinput: "cameras", audioinput: "microphones", audiooutput: "speakers" };
const NAMES = keys({ cameras: "device.camera", microphones: "device.microphone", speakers: "device.speaker" });

/**
 * The devices there are: `{cameras, microphones, speakers}`, each `{id, label}`. Until the person allows their use,
 * browsers tell neither names nor ids: then a list is empty.
 */
export async function listDevices(media = navigator.mediaDevices) {
  const lists = { cameras: [], microphones: [], speakers: [] };
  for (const { kind, deviceId, label } of (await media?.enumerateDevices?.().catch(() => [])) ?? []) {
    const name = LISTS[kind];
    if (name === undefined || deviceId === "") continue;
    const number = lists[name].length + 1;
    lists[name].push({ id: deviceId, label: label === "" ? t(NAMES[name], { number }) : label });
  }
  return lists;
}

/** Let a video or audio element be heard through a speaker (null: the usual one), where the browser can choose. */
export async function playOn(element, speakerId) {
  await element.setSinkId?.(speakerId ?? "").catch(() => {}); // it was unplugged: the usual one is heard
}
