/** The person's references, and those on their way up. */
import { deleteExercise, getExercise, listExercises, uploadExercise } from "./api.js";
import { forgetMedia } from "./media.js";
import { useCallback, useEffect, useRef, useState } from "./preact.js";

/** Fast enough for a bar that moves, slow enough to be no load. */
const POLL_MS = 700;

/**
 * `{exercises, uploads, error, reload, upload, retry, dismiss, remove}`.
 *
 * `exercises` is null until the first answer. An upload is `{key, name, share, error}`; when it is through it is an
 * exercise in state `embedding`, which is asked for until it is ready or has failed.
 */
export function useLibrary() {
  const [exercises, setExercises] = useState(null);
  const [uploads, setUploads] = useState([]);
  const [error, setError] = useState(null);
  const files = useRef(new Map()); // exercise id or upload key → {name, clip, fileName}, to try again

  const reload = useCallback(async () => {
    setError(null);
    try {
      setExercises(await listExercises());
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
  }, []);

  const start = useCallback(
    async (key, file) => {
      const change = (fields) =>
        setUploads((all) => all.map((each) => (each.key === key ? { ...each, ...fields } : each)));
      change({ share: 0, error: null });
      try {
        const exercise = await uploadExercise(file.name, file.clip, file.fileName, (share) =>
          change({ share }),
        );
        files.current.set(exercise.id, file);
        files.current.delete(key);
        put(exercise);
        setUploads((all) => all.filter((each) => each.key !== key));
      } catch (failure) {
        change({ error: failure.message });
      }
    },
    [put],
  );

  const upload = useCallback(
    (name, clip, fileName) => {
      const key = crypto.randomUUID();
      const file = { name, clip, fileName };
      files.current.set(key, file);
      setUploads((all) => [{ key, name, share: 0, error: null }, ...all]);
      start(key, file);
    },
    [start],
  );

  const dismiss = useCallback((key) => {
    files.current.delete(key);
    setUploads((all) => all.filter((each) => each.key !== key));
  }, []);

  const remove = useCallback(async (exercise) => {
    try {
      await deleteExercise(exercise.id);
    } catch (failure) {
      if (failure.status !== 404) {
        setError(failure.message);
        return;
      }
    }
    forgetMedia(exercise.clip_url);
    forgetMedia(exercise.thumbnail_url);
    files.current.delete(exercise.id);
    setExercises((known) => known.filter(({ id }) => id !== exercise.id));
  }, []);

  /** Send an upload, or the clip of an exercise that failed, once more. */
  const retry = useCallback(
    (id) => {
      const file = files.current.get(id);
      const failed = exercises?.find((each) => each.id === id);
      if (failed) {
        remove(failed);
        upload(file.name, file.clip, file.fileName);
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
          put(await getExercise(id, leaving.signal));
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
  }, [waiting, put]);

  // An upload lives as long as the page: ask before it is left.
  const sending = uploads.some((each) => each.error === null);
  useEffect(() => {
    if (!sending) return undefined;
    const ask = (event) => event.preventDefault();
    window.addEventListener("beforeunload", ask);
    return () => window.removeEventListener("beforeunload", ask);
  }, [sending]);

  return { exercises, uploads, error, reload, upload, retry, canRetry, dismiss, remove };
}
