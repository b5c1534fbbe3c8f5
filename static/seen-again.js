/** What a view does when somebody comes back to the page after they were elsewhere. */
import { useEffect } from "./preact.js";

/** `look` is called each time; it has to stay the same function. */
export function useSeenAgain(look) {
  useEffect(() => {
    const changed = () => document.visibilityState === "visible" && look();
    document.addEventListener("visibilitychange", changed);
    return () => document.removeEventListener("visibilitychange", changed);
  }, []);
}
