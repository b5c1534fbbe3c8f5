/** What a person has chosen for the page, remembered in this browser. */
import { useCallback, useState } from "./preact.js";

const key = (name) => `posesim.${name}`;

/** The remembered value of `name`; `fallback` when there is none of its kind. */
export function recall(name, fallback) {
  try {
    const value = JSON.parse(localStorage.getItem(key(name)));
    return typeof value === typeof fallback ? value : fallback;
  } catch {
    return fallback; // storage that is forbidden, or was written by something else
  }
}

export function remember(name, value) {
  try {
    localStorage.setItem(key(name), JSON.stringify(value));
  } catch {
    // Forbidden or full: the choice holds until the page is left.
  }
}

/** Like `useState`, remembered. */
export function useSetting(name, fallback) {
  const [value, setValue] = useState(() => recall(name, fallback));
  const choose = useCallback(
    (next) => {
      remember(name, next);
      setValue(next);
    },
    [name],
  );
  return [value, choose];
}
