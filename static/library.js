/** The exercises that the person may train with, and those on their way up. */
import { changeExercise, deleteExercise, getExercise, listExercises, uploadExercise } from "./api.js";
import { forgetMedia } from "./media.js";
import { useCallback, useEffect, useRef, useState } from "./preact.js";

/** Fast enough for a bar that moves, slow enough to be no load. */
const POLL_MS = 700;

/**
 * The address of an exercise's picture; another one when it shows another part, so that no old one is shown. A plan
 * tells of an exercise only how long its part is.
 */
export function pictureOf({ thumbnail_url: path, start_s: start, end_s: end, duration_s: duration }) {
  return `${path}#${start === undefined ? duration : `${start},${end}`}`;
}

/**
 * `{exercises, uploads, error, …}` and what can be done with them.
 *
 * `exercises` is null until the first answer. An upload is `{key, name, share, error}`; when it is through it is an
 * exercise in state `embedding`, which is asked for until it is ready or has failed.
 */
export function useLibrary() {
  const [exercises, setExercises] = useState(null);
  const [uploads, setUploads] = useState([]);
  const [error, setError] = useState(null);
  const files = useRef(new Map()); // exercise id or upload key → {about, clip, fileName}, to try again
  const sending = useRef(new Map()); // upload key → AbortController

  const changeCount = useRef(0); // what was added, changed or deleted here so far

  /** A list that was on its way while something changed here is out of date: it is asked for again. */
  const reload = useCallback(async () => {
    setError(null);
    try {
      let before;
      let found;
      do {
        before = changeCount.current;
        found = await listExercises();
      } while (before !== changeCount.current);
      setExercises(found);
    } catch (failure) {
      setError(failure.message);
    }
  }, []);

  const put = useCallback((exercise) => {
    setExercises((known) => {
      if (known === null) return [exercise];
      const at = known.findIndex(({ id }) => id === exercise.id);
      return at < 0 ? [exercise, ...known] : known.with(at, exercise);
    });
    return exercise;
  }, []);

  /** Ask for one exercise; fails in words. */
  const load = useCallback(async (id, signal) => put(await getExercise(id, signal)), [put]);

  /** Change an exercise and return what it is then; fails in words. */
  const change = useCallback(
    async (exercise, changes) => {
      const changed = await changeExercise(exercise.id, changes);
      changeCount.current += 1;
      if (pictureOf(changed) !== pictureOf(exercise)) forgetMedia(pictureOf(exercise));
      return put(changed);
    },
    [put],
  );

  const start = useCallback(
    async (key, file) => {
      const tell = (fields) =>
        setUploads((all) => all.map((each) => (each.key === key ? { ...each, ...fields } : each)));
      const cancelling = new AbortController();
      sending.current.set(key, cancelling);
      tell({ share: 0, error: null });
      try {
        const onProgress = (share) => tell({ share });
        const exercise = await uploadExercise(file.about, file.clip, file.fileName, onProgress, cancelling.signal);
        files.current.set(exercise.id, file);
        files.current.delete(key);
        changeCount.current += 1;
        put(exercise);
        setUploads((all) => all.filter((each) => each.key !== key));
      } catch (failure) {
        if (!cancelling.signal.aborted) tell({ error: failure.message });
      } finally {
        sending.current.delete(key);
      }
    },
    [put],
  );

  /** Send a clip; `about` is `{name, kind, target, mirrored}`. */
  const upload = useCallback(
    (about, clip, fileName) => {
      const key = crypto.randomUUID();
      const file = { about, clip, fileName };
      files.current.set(key, file);
      setUploads((all) => [{ key, name: about.name, share: 0, error: null }, ...all]);
      start(key, file);
    },
    [start],
  );

  /** Take an upload away, whether it is still being sent or has failed. */
  const dismiss = useCallback((key) => {
    sending.current.get(key)?.abort();
    files.current.delete(key);
    setUploads((all) => all.filter((each) => each.key !== key));
  }, []);

  /** Delete an exercise; whether it is gone. */
  const remove = useCallback(async (exercise) => {
    setError(null);
    try {
      await deleteExercise(exercise.id);
    } catch (failure) {
      if (failure.status !== 404) {
        setError(failure.message);
        return false;
      }
    }
    changeCount.current += 1;
    forgetMedia(exercise.clip_url);
    forgetMedia(pictureOf(exercise));
    files.current.delete(exercise.id);
    setExercises((known) => known.filter(({ id }) => id !== exercise.id));
    return true;
  }, []);

  /** Send an upload, or the clip of an exercise that failed, once more. */
  const retry = useCallback(
    (id) => {
      const file = files.current.get(id);
      const failed = exercises?.find((each) => each.id === id);
      if (failed) {
        remove(failed);
        upload(file.about, file.clip, file.fileName);
      } else start(id, file);
    },
    [exercises, remove, upload, start],
  );
  const canRetry = useCallback((id) => files.current.has(id), []);

  const waiting = (exercises ?? [])
    .filter(({ state }) => state === "embedding")
    .map(({ id }) => id)
    .join();
  useEffect(() => {
    if (waiting === "") return undefined;
    const leaving = new AbortController();
    const ask = async () => {
      for (const id of waiting.split(",")) {
        try {
          await load(id, leaving.signal);
        } catch (failure) {
          if (leaving.signal.aborted) return;
          if (failure.status === 404) setExercises((known) => known.filter((each) => each.id !== id));
        }
      }
      if (!leaving.signal.aborted) timer = setTimeout(ask, POLL_MS);
    };
    let timer = setTimeout(ask, POLL_MS);
    return () => {
      clearTimeout(timer);
      leaving.abort();
    };
  }, [waiting, load]);

  // An upload lives as long as the page: ask before it is left.
  const busy = uploads.some((each) => each.error === null);
  useEffect(() => {
    if (!busy) return undefined;
    const ask = (event) => event.preventDefault();
    window.addEventListener("beforeunload", ask);
    return () => window.removeEventListener("beforeunload", ask);
  }, [busy]);

  return { exercises, uploads, error, reload, load, change, upload, retry, canRetry, dismiss, remove };
}
