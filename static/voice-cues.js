/** Whether cues are said aloud, which the person chooses. */
import { t } from "./i18n.js";
import { useCallback, useEffect, useRef } from "./preact.js";
import { useSetting } from "./settings.js";
import { voice } from "./speech.js";

/** Whether cues are said aloud, as `[on, toggle]`, also by the key M; `on` is null where the browser can't speak. */
export function useVoice() {
  const [on, setOn] = useSetting("voice", false);
  // A key may come again before the page has been drawn anew.
  const newest = useRef(on);
  const toggle = useCallback(() => {
    newest.current = !newest.current;
    setOn(newest.current);
    if (newest.current) voice.say(t("voice.on")); // heard at once, and some browsers speak only after a first touch
  }, []);
  useEffect(() => {
    const press = (event) => {
      const typing = event.target.closest?.("input:not([type=radio]), textarea");
      if (event.key.toLowerCase() !== "m" || event.repeat || typing) return;
      if (!event.ctrlKey && !event.metaKey && !event.altKey) toggle();
    };
    if (!voice.available) return undefined;
    window.addEventListener("keydown", press);
    return () => window.removeEventListener("keydown", press);
  }, [toggle]);
  return [voice.available ? on : null, toggle];
}
