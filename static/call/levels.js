/** How loud a stream is, for device checks and to see who speaks; and a tone to check the loudspeaker. */
import { useEffect, useState } from "../preact.js";
import { playOn } from "./devices.js";

const EVERY_MS = 66;

/** The span that is shown, in dB of full scale: below is a quiet room, above is close to the microphone. */
const [QUIET_DB, LOUD_DB] = [-55, -10];

/** Who is louder than the first speaks; who is quieter than the second for `PAUSE_MS` does no longer. */
const [SPEAKS, FALLS_SILENT] = [0.35, 0.25];
const PAUSE_MS = 600;

/** How loud samples (-1 to 1) are, 0 to 1 on a scale as people hear it. */
export function levelOf(samples) {
  let squares = 0;
  for (const sample of samples) squares += sample * sample;
  const db = 10 * Math.log10(squares / samples.length + 1e-12);
  return Math.min(1, Math.max(0, (db - QUIET_DB) / (LOUD_DB - QUIET_DB)));
}

/** A function that takes levels and their times in ms, and tells whether somebody speaks. */
export function speaking() {
  let loudMs = -Infinity;
  let speaks = false;
  return (level, ms) => {
    if (level >= SPEAKS || (speaks && level >= FALLS_SILENT)) loudMs = ms;
    speaks = ms - loudMs < PAUSE_MS;
    return speaks;
  };
}

/** Call `onLevel(level)` 15 times a second until `signal` aborts; `stream` has sound. */
export function watchLevel(stream, onLevel, signal) {
  const context = new AudioContext();
  const analyser = new AnalyserNode(context, { fftSize: 1024 });
  const source = context.createMediaStreamSource(stream);
  source.connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const timer = setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    onLevel(levelOf(samples));
  }, EVERY_MS);
  // Some browsers let nothing run that has to do with sound before somebody touches the page.
  const resume = () => context.resume().catch(() => {});
  for (const touch of ["pointerdown", "keydown"]) window.addEventListener(touch, resume, { signal });
  resume();
  signal.addEventListener(
    "abort",
    () => {
      clearInterval(timer);
      source.disconnect();
      context.close().catch(() => {});
    },
    { once: true },
  );
}

/** Follow the sound of a stream while it has any; `start` makes what takes the levels. */
function useSound(stream, start, silent) {
  const [value, setValue] = useState(silent);
  useEffect(() => {
    setValue(silent);
    if ((stream?.getAudioTracks().length ?? 0) === 0) return undefined;
    const leaving = new AbortController();
    const take = start();
    watchLevel(stream, (level) => setValue(take(level)), leaving.signal);
    return () => leaving.abort();
  }, [stream]);
  return value;
}

const asItIs = () => (level) => level;
const asSpeech = () => {
  const speaks = speaking();
  return (level) => speaks(level, performance.now());
};

/** How loud `stream` is, 0 to 1; whoever calls it is drawn anew 15 times a second. `stream` may be null. */
export const useLevel = (stream) => useSound(stream, asItIs, 0);

/** Whether somebody speaks in `stream`, which may be null. */
export const useSpeaking = (stream) => useSound(stream, asSpeech, false);

/** Two notes, in Hz and seconds. */
const NOTES = [
  { hz: 523, atS: 0, forS: 0.35 },
  { hz: 659, atS: 0.4, forS: 0.5 },
];
const LOUDNESS = 0.2;
const FADE_S = 0.03; // without it a note begins with a crack

/** Play two notes through a speaker (null: the usual one); resolves when they are over or `signal` aborts. */
export async function playTone(speakerId, signal) {
  const context = new AudioContext();
  const output = context.createMediaStreamDestination();
  const element = new Audio();
  try {
    await context.resume();
    for (const { hz, atS, forS } of NOTES) {
      const from = context.currentTime + 0.05 + atS;
      const gain = new GainNode(context, { gain: 0 });
      gain.gain.setValueAtTime(0, from);
      gain.gain.linearRampToValueAtTime(LOUDNESS, from + FADE_S);
      gain.gain.setValueAtTime(LOUDNESS, from + forS - FADE_S);
      gain.gain.linearRampToValueAtTime(0, from + forS);
      const note = new OscillatorNode(context, { frequency: hz });
      note.connect(gain).connect(output);
      note.start(from);
      note.stop(from + forS);
    }
    element.srcObject = output.stream;
    await playOn(element, speakerId);
    await element.play();
    const { atS, forS } = NOTES.at(-1);
    await new Promise((resolve) => {
      const timer = setTimeout(resolve, (atS + forS + 0.3) * 1000);
      signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
    });
  } finally {
    element.pause();
    element.srcObject = null;
    await context.close().catch(() => {});
  }
}
