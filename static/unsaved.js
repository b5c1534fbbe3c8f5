/** What somebody has begun is not lost when they leave: they are asked first. */
import { useLayoutEffect, useState } from "./preact.js";

/** Told of an address that somebody wants to go to, while there is something to lose; else null. */
let guard = null;

/** Whether a `hashchange` is taken back, because somebody has to be asked first. */
export function turnedBack({ oldURL, newURL }) {
  if (guard === null) return false;
  history.pushState(null, "", oldURL);
  guard(new URL(newURL).hash);
  return true;
}

/**
 * While `unsaved`, nobody leaves a view unasked, whichever way: a link, the browser's Back, closing the page.
 *
 * Returns `{to, stay, leave}`: `to` is the address that somebody wants to go to, or null; `leave()` goes there, and
 * `leave(address)` to another one.
 */
export function useUnsaved(unsaved) {
  const [to, setTo] = useState(null);
  // Not after the next paint: somebody may press Back before it, more so on a busy machine.
  useLayoutEffect(() => {
    if (!unsaved) return undefined;
    guard = setTo;
    const ask = (event) => event.preventDefault();
    window.addEventListener("beforeunload", ask);
    return () => {
      guard = null;
      window.removeEventListener("beforeunload", ask);
    };
  }, [unsaved]);
  const leave = (address = to) => {
    guard = null;
    window.location.hash = address;
  };
  return { to, stay: () => setTo(null), leave };
}
