/** Days of a plan in words: dates that belong to no zone, and days of the week as 1 (Monday) to 7. No DOM. */
import { date, list, t } from "./i18n.js";

export const WEEKDAYS = [1, 2, 3, 4, 5, 6, 7];

const MONDAY = Date.UTC(2024, 0, 1);
const DAY_MS = 86_400_000;

/** A day "2026-11-23" as the language writes it. */
export const dayWords = (day, options = { dateStyle: "medium" }) =>
  date(`${day}T00:00:00Z`, { timeZone: "UTC", ...options });

/** A day of this computer's calendar, without its year if that is this one. */
export function shortDay(timestamp, now = new Date()) {
  const year = new Date(timestamp).getFullYear() === now.getFullYear() ? undefined : "numeric";
  return date(timestamp, { day: "numeric", month: "short", year });
}

/** `width` is "long", "short" or "narrow". */
export const weekdayName = (weekday, width) =>
  date(MONDAY + (weekday - 1) * DAY_MS, { timeZone: "UTC", weekday: width });

/** Some days of the week: "every day", or "Mon, Wed and Fri". */
export const weekdaysWords = (weekdays) =>
  weekdays.length === WEEKDAYS.length ? t("plan.every_day") : list(weekdays.map((each) => weekdayName(each, "short")));

/** Minutes by which this computer's clock is ahead of UTC. */
export const utcOffsetMin = (now = new Date()) => -now.getTimezoneOffset();
