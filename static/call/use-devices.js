/** Camera, microphone and loudspeaker of a call as a hook. */
import { useCallback, useEffect, useMemo, useRef, useState } from "../preact.js";
import { recall, remember } from "../settings.js";
import { controlDevices } from "./device-control.js";

/** Where a chosen device is remembered. */
const SETTING = { camera: "call.camera", microphone: "call.microphone", speaker: "call.speaker" };

const remembered = (kind) => recall(SETTING[kind], "") || null;

const CLOSED = {
  camera: { track: null, error: null },
  microphone: { track: null, error: null },
  on: { camera: true, microphone: true },
  ids: { camera: null, microphone: null },
  lists: { cameras: [], microphones: [], speakers: [] },
};

/**
 * Camera and microphone while `active`; they are given back when that ends.
 *
 * - `stream`: both as one, another one whenever a track is another one; null while there is neither.
 * - `camera`, `microphone`: the tracks, or null.
 * - `error`, `microphoneError`: a sentence, or null.
 * - `cameras`, `microphones`, `speakers`: `{id, label}` each; `cameraId`, `microphoneId`, `speakerId`: those in use.
 * - `choose({cameraId, microphoneId, speakerId})`: some or all of them; remembered in this browser.
 * - `cameraOn`, `microphoneOn`, `setCamera(on)`, `setMicrophone(on)`.
 * - `retry()`: open again what could not be opened.
 */
export function useDevices(active) {
  const [state, setState] = useState(CLOSED);
  const [speakerId, setSpeaker] = useState(() => remembered("speaker"));
  const control = useRef(null);
  useEffect(() => {
    if (!active) return undefined;
    const closing = new AbortController();
    const ids = { camera: remembered("camera"), microphone: remembered("microphone") };
    control.current = controlDevices({ ids, onChange: setState }, closing.signal);
    return () => {
      control.current = null;
      closing.abort();
      setState(CLOSED);
    };
  }, [active]);

  const camera = state.camera.track;
  const microphone = state.microphone.track;
  const stream = useMemo(() => {
    const tracks = [camera, microphone].filter((track) => track !== null);
    return tracks.length > 0 ? new MediaStream(tracks) : null;
  }, [camera, microphone]);

  const choose = useCallback(({ cameraId = null, microphoneId = null, speakerId: speaker = null }) => {
    const chosen = { camera: cameraId, microphone: microphoneId, speaker };
    for (const [kind, id] of Object.entries(chosen)) if (id !== null) remember(SETTING[kind], id);
    if (speaker !== null) setSpeaker(speaker);
    control.current?.choose(chosen);
  }, []);
  const setCamera = useCallback((on) => control.current?.turn("camera", on), []);
  const setMicrophone = useCallback((on) => control.current?.turn("microphone", on), []);
  const retry = useCallback(() => control.current?.retry(), []);

  return {
    stream,
    camera,
    microphone,
    error: state.camera.error,
    microphoneError: state.microphone.error,
    ...state.lists,
    cameraId: state.ids.camera,
    microphoneId: state.ids.microphone,
    speakerId,
    choose,
    cameraOn: state.on.camera,
    microphoneOn: state.on.microphone,
    setCamera,
    setMicrophone,
    retry,
  };
}
