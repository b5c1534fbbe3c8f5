/**
 * The call as a hook: all that a view of it shows and does.
 *
 * @typedef {object} CallView
 * @property {"opening"|"connected"|"reconnecting"|"over"} status of the line to the server.
 * @property {string|null} over why it is over: a reason of `bye`, `"left"` (by oneself), or `"refused"` (`error` says why).
 * @property {string|null} error a sentence: why the call is over, or why there is no line at the moment.
 * @property {object|null} welcome `{call_id, role, name, …}`.
 * @property {object|null} call the server's newest `state` message.
 * @property {object} live what is seen in the newest session, as of live-state.js; stays when the run is over.
 * @property {string|null} liveOf the session that `live` is of.
 * @property {object} devices as of use-devices.js.
 * @property {MediaStream|null} remote the other person's picture and sound.
 * @property {{camera: boolean, microphone: boolean}} remoteMedia what the other person sends.
 * @property {{rttMs: number|null, lossShare: number|null, kbitS: number, level: "good"|"fair"|"poor"}|null} quality
 * @property {RTCPeerConnectionState|null} peerState null: there is nobody to connect to yet.
 * @property {"off"|"connecting"|"on"|"lost"} scoring the own stream to the server: the member's to be scored.
 * @property {"off"|"connecting"|"on"|"lost"} showing the same: the coach's as a live reference.
 * @property {object[]} results each `{session_id, name, repetitions, corrected, score, summary}`, summary null where
 *   it ended before this page was opened.
 * @property {boolean} draining whether the server is about to restart.
 * @property {{of: string, detail: string, at: number}|null} refused the newest refusal; `at` tells one from the next.
 * @property {(type: string, fields?: object) => boolean} send false: the line is down, nothing was sent.
 * @property {(referenceS: number|null, rate: number|null) => void} tellClock where the clip is that the member follows.
 * @property {() => Promise<{blob: Blob, durationS: number}>|null} takeRecording what the coach showed last; null: nothing.
 * @property {() => void} retry open it again after it was over.
 * @property {() => void} leave
 */
import { useCallback, useEffect, useReducer, useRef, useState } from "../preact.js";
import { applyCallMessage, initialCall, otherSeat, resultsOf } from "./call-state.js";
import { recordRolling } from "./rolling-recorder.js";
import { closedRoom, enterRoom } from "./room.js";
import { useDevices } from "./use-devices.js";

const AGAIN = { type: "again" };
const applied = (state, message) => (message === AGAIN ? initialCall : applyCallMessage(state, message));
const changed = (room, changes) => ({ ...room, ...changes });
const NOTHING = { camera: false, microphone: false };

/** @returns {CallView} */
export function useCall(id) {
  const [attempt, setAttempt] = useState(0);
  const [state, receive] = useReducer(applied, initialCall);
  const [room, change] = useReducer(changed, closedRoom);
  const devices = useDevices(room.status !== "over");
  const inside = useRef(null);

  const other = otherSeat(state);
  const remoteMedia = other === null ? NOTHING : { camera: other.camera, microphone: other.microphone };
  const tracks = { camera: devices.camera, microphone: devices.microphone };
  const media = {
    camera: devices.camera !== null,
    microphone: devices.microphone !== null && devices.microphoneOn,
  };
  const newest = useRef(null); // for what happens between two drawings
  newest.current = { tracks, media, remoteMedia };

  useEffect(() => {
    const leaving = new AbortController();
    receive(AGAIN);
    change(closedRoom);
    const start = () => {
      const { tracks: own, media: sent } = newest.current;
      inside.current = enterRoom(
        id,
        {
          tracks: own,
          media: sent,
          onMessage: receive,
          onChange: change,
          expected: () => newest.current.remoteMedia.camera || newest.current.remoteMedia.microphone,
        },
        leaving.signal,
      );
    };
    start();
    // A page that goes away must not wait for the other side; one that is brought back from memory begins anew.
    window.addEventListener("pagehide", () => leaving.abort(), { signal: leaving.signal });
    const back = ({ persisted }) => persisted && setAttempt((count) => count + 1);
    window.addEventListener("pageshow", back);
    return () => {
      window.removeEventListener("pageshow", back);
      inside.current = null;
      leaving.abort();
    };
  }, [id, attempt]);

  useEffect(() => {
    inside.current?.change(tracks, media);
  }, [tracks.camera, tracks.microphone, media.microphone, attempt]);

  const recorder = useRecorder(state, devices.camera);

  return {
    status: room.status,
    over: room.over,
    error: room.error,
    welcome: state.welcome,
    call: state.call,
    live: state.live,
    liveOf: state.liveOf,
    devices,
    remote: other?.present || room.peerState === "connected" ? room.remote : null,
    remoteMedia,
    quality: room.quality,
    peerState: room.peerState,
    scoring: room.scoring,
    showing: room.showing,
    results: resultsOf(state),
    refused: state.refused,
    draining: state.draining,
    send: useCallback((type, fields) => inside.current?.send(type, fields) ?? false, []),
    tellClock: useCallback((referenceS, rate) => inside.current?.tellClock(referenceS, rate), []),
    takeRecording: useCallback(() => recorder.current?.take() ?? null, []),
    retry: useCallback(() => setAttempt((count) => count + 1), []),
    leave: useCallback(() => inside.current?.leave(), []),
  };
}

/** What the coach's camera sees is kept while it is the live reference. */
function useRecorder({ welcome, call }, camera) {
  const recorder = useRef(null);
  const records = welcome?.role === "coach" && call !== null && call.live_reference !== "off" && camera !== null;
  useEffect(() => {
    if (!records) return undefined;
    const ending = new AbortController();
    recorder.current = recordRolling(camera, ending.signal);
    return () => ending.abort();
  }, [records, camera]);
  return recorder;
}
