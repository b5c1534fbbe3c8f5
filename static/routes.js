/** The page's places: each has an address behind the `#`, so that Back and Reload do what one expects. */

const ID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}";
const EXERCISE = new RegExp(`^#/exercises/(${ID})$`);
const SUMMARY = new RegExp(`^#/sessions/(${ID})$`);

export const LIBRARY = "#/";
export const RECORD = "#/record";
export const HISTORY = "#/sessions";
export const exerciseAddress = (id) => `#/exercises/${id}`;
export const summaryAddress = (id) => `#/sessions/${id}`;

/** `location.hash` as `{view, id}`; an address that nobody made is the library. */
export function parseRoute(hash) {
  if (hash === RECORD) return { view: "record", id: null };
  if (hash === HISTORY) return { view: "history", id: null };
  const exercise = EXERCISE.exec(hash);
  if (exercise) return { view: "session", id: exercise[1] };
  const summary = SUMMARY.exec(hash);
  if (summary) return { view: "summary", id: summary[1] };
  return { view: "library", id: null };
}
