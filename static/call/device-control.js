/** The person's own camera and microphone while a call goes on: on and off, changed, lost and found again. */
import { KINDS, listDevices, openDevices, stoppedSentence } from "./devices.js";

const NONE = { track: null, error: null };
const LIST_OF = { camera: "cameras", microphone: "microphones" };

/**
 * Hold camera and microphone until `signal` aborts; both are opened at once.
 *
 * `ids` is `{camera, microphone}`, devices chosen before, or null. `onChange` gets the whole state whenever it changes:
 * `{camera, microphone, on, ids, lists}`, the first two `{track, error}`.
 *
 * Returns `{choose(ids), turn(kind, on), retry()}`. A camera that is off is closed, so that its light goes out; a
 * microphone that is off stays open and is silent, so that it is there at once.
 */
export function controlDevices({ ids, onChange, media = navigator.mediaDevices }, signal) {
  let state = {
    camera: NONE,
    microphone: NONE,
    on: { camera: true, microphone: true },
    ids,
    lists: { cameras: [], microphones: [], speakers: [] },
  };
  let turn = Promise.resolve(); // one change after the other

  const change = (changes) => {
    if (signal.aborted) return;
    state = { ...state, ...changes };
    onChange(state);
  };
  const queue = (work) => {
    turn = turn.then(() => signal.aborted || work()).catch((error) => signal.aborted || console.error(error));
    return turn;
  };
  const close = (kind) => state[kind].track?.stop();

  async function open(kinds, exact = false) {
    // Many cameras can be opened once only, also by the same page.
    if (kinds.includes("camera")) close("camera");
    const wanted = { camera: null, microphone: null };
    for (const kind of kinds) wanted[kind] = { id: state.ids[kind], exact };
    let opened;
    try {
      opened = await openDevices(wanted, media);
    } catch (error) {
      opened = { camera: { ...NONE, error: error.message }, microphone: { ...NONE, error: error.message } };
    }
    for (const kind of kinds) take(kind, opened[kind]);
    await list();
  }

  function take(kind, opened) {
    const { track } = opened;
    if (signal.aborted) {
      track?.stop();
      return;
    }
    if (kind === "microphone") close("microphone");
    track?.addEventListener("ended", () => {
      // Told when it is unplugged or taken away, not when this page closes it.
      if (state[kind].track === track) change({ [kind]: { track: null, error: stoppedSentence(kind) } });
    });
    if (track !== null && kind === "microphone") track.enabled = state.on.microphone;
    const id = track?.getSettings().deviceId ?? state.ids[kind];
    change({ [kind]: opened, ids: { ...state.ids, [kind]: id } });
  }

  const list = async () => change({ lists: await listDevices(media) });
  const missing = (kind) => state[kind].track === null && (kind === "microphone" || state.on.camera);

  async function look() {
    const before = state.lists;
    await list();
    const more = (kind) => state.lists[LIST_OF[kind]].length > before[LIST_OF[kind]].length;
    const found = KINDS.filter((kind) => missing(kind) && more(kind));
    if (found.length > 0) await open(found);
  }

  signal.addEventListener("abort", () => KINDS.forEach(close), { once: true });
  media?.addEventListener?.("devicechange", () => queue(look), { signal });
  queue(() => open(KINDS));

  return {
    choose: (chosen) =>
      queue(() => {
        const kinds = KINDS.filter((kind) => chosen[kind] && chosen[kind] !== state.ids[kind]);
        change({ ids: { ...state.ids, ...Object.fromEntries(kinds.map((kind) => [kind, chosen[kind]])) } });
        const opening = kinds.filter((kind) => kind === "microphone" || state.on.camera);
        return opening.length > 0 ? open(opening, true) : undefined;
      }),
    turn: (kind, on) =>
      queue(() => {
        if (on === state.on[kind]) return undefined;
        change({ on: { ...state.on, [kind]: on } });
        if (kind === "microphone") {
          if (state.microphone.track !== null) state.microphone.track.enabled = on;
          return undefined;
        }
        if (on) return open(["camera"]);
        close("camera");
        change({ camera: NONE });
        return undefined;
      }),
    retry: () => queue(() => open(KINDS.filter(missing))),
  };
}
