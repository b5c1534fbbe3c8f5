/** What is known of an exercise in words, in the language of the page. No DOM, no network. */
import { keys, t } from "./i18n.js";
import { inWords } from "./refusals.js";
import { clock } from "./words.js";

/** What may be done with a reference, each with the keys of its texts. */
export const KINDS = keys([
  { key: "repetitions", name: "kind.repetitions.name", says: "kind.repetitions.says", target: "kind.repetitions.target" },
  { key: "hold", name: "kind.hold.name", says: "kind.hold.says", target: "kind.hold.target" },
  { key: "routine", name: "kind.routine.name", says: "kind.routine.says", target: "kind.routine.target" },
]);

/** Who may train with an exercise, each with the keys of its texts. */
export const VISIBILITIES = keys([
  { key: "private", name: "visibility.private.name", says: "visibility.private.says" },
  { key: "members", name: "visibility.members.name", says: "visibility.members.says" },
  { key: "everyone", name: "visibility.everyone.name", says: "visibility.everyone.says" },
]);

/** The row of `key`; the first for one that a newer server may know. */
const row = (table, key) => table.find((each) => each.key === key) ?? table[0];

export const kindWords = (kind) => t(row(KINDS, kind).name);

/** Whole seconds that somebody moves or holds still: "45 s", "2:05". */
const time = (seconds) => (seconds < 60 ? `${seconds} s` : clock(seconds));

/** What is aimed at, "12 repetitions"; without a target what kind of exercise it is. */
export function aimWords({ kind, target }) {
  if (target === null) return kindWords(kind);
  if (kind === "hold") return t("kind.hold.aim", { time: time(target) });
  if (kind === "routine") return t("kind.routine.aim", { time: time(target) });
  return t("kind.repetitions.aim", { count: target });
}

export const visibilityWords = (visibility) => t(row(VISIBILITIES, visibility).name);

/** Why an exercise that failed can't be trained with. */
export const failureWords = ({ error }) => (error === null ? t("library.failed") : inWords(error));

/** What is done of an item of the day's plan: "8 of 12 repetitions", "20 s of 30 s". */
export function doneWords({ done, target, unit }) {
  if (unit === "repetitions") {
    return target === null ? t("today.done.repetitions", { count: done }) : t("today.done.repetitions_of", { count: target, done });
  }
  return target === null
    ? t("today.done.seconds", { time: time(done) })
    : t("today.done.seconds_of", { time: time(done), target: time(target) });
}

/** What is done as a share 0 to 1; null where nothing is aimed at. */
export const doneShare = ({ done, target }) => (target === null ? null : Math.min(1, done / target));
