/** What is planned for the person's day. */
import { getToday } from "./api.js";
import { utcOffsetMin } from "./days.js";
import { useLoaded } from "./loading.js";
import { useSeenAgain } from "./seen-again.js";

/** The day that the person's clock says, "2026-11-25"; `now` is an argument so that it can be tested. */
export function localDay(now = new Date()) {
  const pad = (value) => String(value).padStart(2, "0");
  return `${now.getFullYear()}-${pad(now.getMonth() + 1)}-${pad(now.getDate())}`;
}

/** The day's plan as `{value: {date, items}, error, reload}`; asked for anew when somebody comes back to the page. */
export function useToday() {
  const loaded = useLoaded((signal) => getToday(localDay(), utcOffsetMin(), signal));
  useSeenAgain(loaded.reload);
  return loaded;
}
