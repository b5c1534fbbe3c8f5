/** What a view asks the server for. */
import { Notice } from "./components/notice.js";
import { Waiting } from "./components/page.js";
import { t } from "./i18n.js";
import { html, useCallback, useEffect, useState } from "./preact.js";

/** `load(signal)` is called at once, when `depends` change, and by `reload`: `{value, error, reload}`, null until then. */
export function useLoaded(load, depends = []) {
  const [found, setFound] = useState({ value: null, error: null });
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    const leaving = new AbortController();
    load(leaving.signal).then(
      (value) => leaving.signal.aborted || setFound({ value, error: null }),
      (error) => leaving.signal.aborted || setFound((before) => ({ ...before, error: error.message })),
    );
    return () => leaving.abort();
  }, [turn, ...depends]);
  const reload = useCallback(() => setTurn((before) => before + 1), []);
  return { ...found, reload };
}

/** What there is to show of `loaded`: `children(value)`, that it waits, or what went wrong. */
export function Loaded({ loaded: { value, error, reload }, children }) {
  return html`${error !== null &&
    html`<${Notice} text=${error} action=${t("action.try_again")} onAction=${reload} />`}
  ${value !== null ? children(value) : error === null && html`<${Waiting} text=${t("page.wait")} />`}`;
}
