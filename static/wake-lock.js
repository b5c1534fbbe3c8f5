/** Keeps the screen on. */
import { useEffect } from "./preact.js";

/** Keep the screen on while `active`: nobody touches it during an exercise. */
export function useWakeLock(active) {
  useEffect(() => {
    if (!active || !navigator.wakeLock) return undefined;
    let lock = null;
    let over = false;
    const ask = async () => {
      if (document.visibilityState !== "visible") return;
      try {
        lock = await navigator.wakeLock.request("screen");
        if (over) lock.release();
      } catch {
        lock = null; // refused, for example on a low battery
      }
    };
    ask();
    document.addEventListener("visibilitychange", ask);
    return () => {
      over = true;
      document.removeEventListener("visibilitychange", ask);
      lock?.release();
    };
  }, [active]);
}
