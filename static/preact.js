/** Preact, its hooks and `html` templates: one place to import them from. */
export { html, render } from "./vendor/htm/preact.js";
export {
  useCallback,
  useEffect,
  useErrorBoundary,
  useId,
  useLayoutEffect,
  useMemo,
  useReducer,
  useRef,
  useState,
} from "./vendor/preact/hooks.js";
