/** Clips and thumbnails as object URLs: they need the token, which an `<img>` or `<video>` can't send. */

import { getBlob } from "./api.js";
import { useEffect, useState } from "./preact.js";

/** Path → promise of an object URL, kept for the life of the page: the files are small and never change. */
const urls = new Map();

/** The object URL of `path`. A failed fetch is not kept, so that the next caller tries again. */
function mediaUrl(path) {
  if (!urls.has(path)) {
    const url = getBlob(path).then((blob) => URL.createObjectURL(blob));
    urls.set(path, url);
    url.catch(() => urls.delete(path));
  }
  return urls.get(path);
}

/** Give back the memory of `path`. */
export function forgetMedia(path) {
  urls.get(path)?.then(URL.revokeObjectURL, () => {});
  urls.delete(path);
}

/** `path` as `{url, error}`; both null while it loads, and for a null path. */
export function useMedia(path) {
  const [media, setMedia] = useState({ url: null, error: null });
  useEffect(() => {
    let current = true;
    setMedia({ url: null, error: null });
    if (path !== null) {
      mediaUrl(path).then(
        (url) => current && setMedia({ url, error: null }),
        (error) => current && setMedia({ url: null, error }),
      );
    }
    return () => {
      current = false;
    };
  }, [path]);
  return media;
}

/** The object URL of `blob`, for as long as it is shown; null without one. */
export function useObjectUrl(blob) {
  const [url, setUrl] = useState(null);
  useEffect(() => {
    const made = blob && URL.createObjectURL(blob);
    setUrl(made);
    return () => made && URL.revokeObjectURL(made);
  }, [blob]);
  return url;
}
