/**
 * One session from choosing a reference to its end: ready → countdown → live → summary.
 *
 * Holds the camera and the connection; what is seen is in ready.js and live.js.
 */
import { createSession, deleteSession, getExercise } from "../api.js";
import { useConsent } from "../consent.js";
import { useCamera } from "../components/camera-view.js";
import { Notice } from "../components/notice.js";
import { Page, PageHead } from "../components/page.js";
import { connect } from "../connection.js";
import { t } from "../i18n.js";
import { applyMessage, initialLive } from "../live-state.js";
import { html, useCallback, useEffect, useReducer, useRef, useState } from "../preact.js";
import { address } from "../routes.js";
import { useSetting } from "../settings.js";
import { useVoice } from "../voice-cues.js";
import { useWakeLock } from "../wake-lock.js";
import { PACES, endWords } from "../words.js";
import { Live } from "./live.js";
import { Ready } from "./ready.js";

/** The connection is made while the last seconds are counted, so that scoring starts at zero. */
const CONNECT_AT_S = 3;

/** While an exercise is being prepared, how long to wait before it is looked at again. */
const PREPARING_MS = 1_000;

/** An exercise by its id as `{exercise, error, reload}`; asked for until it is ready. */
function useExercise(id) {
  const [attempt, setAttempt] = useState(0);
  const [found, setFound] = useState({ exercise: null, error: null });
  useEffect(() => {
    const leaving = new AbortController();
    let timer = null;
    const ask = async () => {
      try {
        const exercise = await getExercise(id, leaving.signal);
        setFound({ exercise, error: null });
        if (exercise.state === "embedding") timer = setTimeout(ask, PREPARING_MS);
      } catch (error) {
        if (!leaving.signal.aborted) setFound({ exercise: null, error });
      }
    };
    setFound({ exercise: null, error: null });
    ask();
    return () => {
      clearTimeout(timer);
      leaving.abort();
    };
  }, [id, attempt]);
  return { ...found, reload: () => setAttempt((count) => count + 1) };
}

/** How to move with the reference: a key of `PACES`. */
function usePace() {
  const [pace, setPace] = useSetting("pace", PACES[0].key);
  return [PACES.some(({ key }) => key === pace) ? pace : PACES[0].key, setPace];
}

/** Another window has this session: it can be used here again, or left to the other. */
const Elsewhere = ({ exercise, error, onTakeBack }) =>
  html`<${Page}>
    <${PageHead} title=${exercise.name} back=${{ href: address("library"), text: t("view.library") }} />
    <${Notice} text=${error?.message ?? endWords("taken_over")} action=${t("session.use_here")} onAction=${onTakeBack} />
  <//>`;

export function Session({ id }) {
  const { exercise, error: exerciseError, reload } = useExercise(id);
  const camera = useCamera();
  const [phase, setPhase] = useState("ready"); // ready → opening → countdown → connecting → live (⇄ elsewhere) → leaving
  const [seconds, setSeconds] = useState(3);
  const [error, setError] = useState(null);
  const [status, setStatus] = useState("good");
  const [pace, setPace] = usePace();
  const [voiceOn, toggleVoice] = useVoice();
  const [ask, question] = useConsent();
  const [live, receive] = useReducer(applyMessage, initialLive);
  /** What the running attempt holds: its AbortController, the offered session, a promise of the connection, then it. */
  const run = useRef(null);

  const giveUp = useCallback(() => {
    const current = run.current;
    run.current = null;
    if (current === null) return;
    current.closing.abort();
    if (current.offered !== null && !current.elsewhere) deleteSession(current.offered.id).catch(() => {});
  }, []);
  useEffect(() => giveUp, []);
  useWakeLock(phase !== "ready");

  const fail = (failure) => {
    giveUp();
    setError(failure);
    setPhase("ready");
  };

  const start = async () => {
    const current = { closing: new AbortController(), offered: null, connection: null, joined: null };
    run.current = current;
    setError(null);
    setPhase("opening");
    try {
      if (!(await ask("scoring"))) {
        if (run.current === current) cancel();
        return;
      }
      if (run.current !== current) return;
      current.offered = await createSession(id, current.closing.signal);
    } catch (failure) {
      if (run.current === current) fail(failure);
      return;
    }
    if (run.current === current) setPhase("countdown");
    else deleteSession(current.offered.id).catch(() => {});
  };

  const join = () => {
    const current = run.current;
    if (current === null || current.connection !== null) return;
    const handlers = {
      onMessage: receive,
      onStatus: (next) => (next === "lost" ? finish() : setStatus(next)),
    };
    current.connection = connect(current.offered, handlers, current.closing.signal);
    current.connection.catch((failure) => run.current === current && fail(failure));
  };

  const goLive = async () => {
    const current = run.current;
    if (current === null) return;
    setPhase("connecting");
    join();
    try {
      current.joined = await current.connection;
      await current.joined.send(camera.stream.getVideoTracks()[0]);
      if (run.current === current) setPhase("live");
    } catch {
      // join() has told the failure.
    }
  };

  const finish = useCallback(async () => {
    const current = run.current;
    if (current === null) return;
    run.current = null;
    setPhase("leaving");
    const connection = await current.connection;
    await connection.leave();
    window.location.replace(address("summary", { id: current.offered.id }));
  }, []);

  /** The session goes on without this page, so it may not be ended here. */
  const stepBack = () => {
    run.current?.closing.abort();
    run.current = null;
    setError(new Error(endWords("taken_over")));
    setPhase("ready");
  };
  const wait = () => {
    run.current.elsewhere = true;
    setPhase("elsewhere");
  };
  const takeBack = async () => {
    const current = run.current;
    setError(null);
    try {
      await current.joined.takeBack();
      current.elsewhere = false;
      if (run.current === current) setPhase("live");
    } catch (failure) {
      if (run.current === current) setError(failure);
    }
  };

  const tellClock = useCallback((referenceS, rate) => run.current?.joined?.tellClock(referenceS, rate), []);

  const cancel = () => {
    giveUp();
    setPhase("ready");
  };

  // The server ends it too: the longest duration, a shutdown, a deleted reference.
  useEffect(() => {
    if (live.ended === null) return;
    if (live.ended.reason !== "taken_over") finish();
    else if (run.current?.joined) wait();
    else stepBack();
  }, [live.ended]);
  // Without its camera a session has nothing left to show.
  useEffect(() => {
    if (camera.error !== null) {
      if (phase === "live") finish();
      else if (phase !== "ready" && phase !== "leaving") cancel();
    }
  }, [camera.error]);

  if (phase === "elsewhere") return html`<${Elsewhere} exercise=${exercise} error=${error} onTakeBack=${takeBack} />`;
  if (phase === "live" || phase === "leaving") {
    return html`<${Live}
      exercise=${exercise}
      camera=${camera}
      live=${live}
      status=${status}
      leaving=${phase === "leaving"}
      pace=${pace}
      onPace=${setPace}
      voiceOn=${voiceOn}
      onVoice=${toggleVoice}
      onClock=${tellClock}
      onStop=${finish}
    />`;
  }
  return html`<${Ready}
    exercise=${exercise}
    exerciseError=${exerciseError}
    onReload=${reload}
    camera=${camera}
    phase=${phase}
    seconds=${seconds}
    onSeconds=${setSeconds}
    pace=${pace}
    onPace=${setPace}
    voiceOn=${voiceOn}
    onVoice=${toggleVoice}
    error=${error}
    onStart=${start}
    onCancel=${cancel}
    onTick=${(left) => left <= CONNECT_AT_S && left > 0 && join()}
    onZero=${goLive}
  />${question}`;
}
