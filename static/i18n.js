/**
 * The page's texts in the chosen language, and numbers, dates and times as that language writes them.
 *
 * Texts are in `locales/*.json`: flat keys, `{placeholders}`, and where a count decides an object of the plural forms
 * that `Intl.PluralRules` names. After `loadLanguage` everything here answers at once. What the server says is
 * translated by refusals.js, whose texts are loaded here too.
 */
import { useEffect, useState } from "./preact.js";
import { useRefusals } from "./refusals.js";
import { recall, remember } from "./settings.js";

/** Each by its own name, and the country whose dates and numbers are used when the browser names none. */
export const LANGUAGES = [
  { code: "en", name: "English", locale: "en-GB" },
  { code: "de", name: "Deutsch", locale: "de-DE" },
  { code: "es", name: "Español", locale: "es-ES" },
];

/** In which the server writes its sentences. */
const SERVERS = "en";

const SETTING = "language";

/** The code of the language in use. */
export let language = LANGUAGES[0].code;
/** The same with its country, as `Intl` wants it: "de-AT" for a browser from Austria. */
export let locale = LANGUAGES[0].locale;

let messages = {};
let formats = new Map(); // making one takes longer than using it
const listeners = new Set();

const primary = (tag) => tag.toLowerCase().split("-")[0];
const known = (code) => LANGUAGES.find((each) => each.code === code);
const browserTags = () => globalThis.navigator?.languages ?? [];

/** The language to begin with: what the person chose here, else what the browser asks for, else English. */
export function preferredLanguage(chosen = recall(SETTING, ""), tags = browserTags()) {
  const wanted = [chosen, ...tags.map(primary)].find(known);
  return wanted ?? LANGUAGES[0].code;
}

/** Use texts that have been read already. */
export function useMessages(code, texts, tags = browserTags()) {
  messages = texts;
  language = code;
  locale = tags.find((tag) => primary(tag) === code) ?? known(code).locale;
  formats = new Map();
  if (globalThis.document) document.documentElement.lang = code;
  for (const listener of listeners) listener(code);
}

let asked = 0;

/** Fetch a language's texts and use them. Without an answer it throws, and the language stays as it is. */
export async function loadLanguage(code) {
  const request = (asked += 1);
  const [texts, refusals] = await Promise.all([
    read(`locales/${code}.json`),
    code === SERVERS ? {} : read(`locales/refusals/${code}.json`),
  ]);
  if (request !== asked) return; // another one has been chosen since
  useRefusals(refusals); // first: to use messages draws the page anew
  useMessages(code, texts);
}

async function read(path) {
  const response = await fetch(new URL(path, import.meta.url));
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return response.json();
}

/** Change the language at once and remember it. */
export async function chooseLanguage(code) {
  await loadLanguage(code);
  remember(SETTING, code);
}

/** The code of the language in use; whoever calls it is drawn anew when that changes. */
export function useLanguage() {
  const [code, setCode] = useState(language);
  useEffect(() => {
    listeners.add(setCode);
    setCode(language);
    return () => listeners.delete(setCode);
  }, []);
  return code;
}

/**
 * The text of `key` with its placeholders filled. Numbers among `values` are written as the language does; `count`
 * chooses the plural form.
 */
export function t(key, values = {}) {
  const message = messages[key];
  if (message === undefined) {
    console.error(`There is no text for ${key} in locales/${language}.json.`);
    return key;
  }
  const text = typeof message === "string" ? message : (message[pluralOf(values.count)] ?? message.other);
  return text.replace(/\{(\w+)\}/g, (_, name) => written(values[name]));
}

/**
 * Names keys that reach `t` by way of a table, so that the test of the message files knows they are used.
 * Write each one out: `keys({ still: "state.still", … })`.
 */
export const keys = (table) => Object.freeze(table);

const written = (value) => (typeof value === "number" ? number(value) : String(value));

function format(Kind, options) {
  const key = `${Kind.name} ${JSON.stringify(options)}`;
  if (!formats.has(key)) formats.set(key, new Kind(locale, options));
  return formats.get(key);
}

const pluralOf = (count) => format(Intl.PluralRules, {}).select(count);

/** A number: "1,234.5", "1.234,5". `options` as for `Intl.NumberFormat`. */
export const number = (value, options = {}) => format(Intl.NumberFormat, options).format(value);

/** A number with exactly that many digits behind the point. */
export const decimal = (value, digits) =>
  number(value, { minimumFractionDigits: digits, maximumFractionDigits: digits });

/** A share 0-1 in percent: "43%", "43 %". */
export const percent = (share) => number(share, { style: "percent" });

/** A `Date`, or a timestamp as the server sends it. `options` as for `Intl.DateTimeFormat`. */
export const date = (value, options = { dateStyle: "medium" }) =>
  format(Intl.DateTimeFormat, options).format(new Date(value));

/** A time from now in words: `relative(-1, "day")` is "yesterday". */
export const relative = (value, unit) =>
  format(Intl.RelativeTimeFormat, { numeric: "auto" }).format(value, unit);

/** "a, b and c". */
export const list = (items) => format(Intl.ListFormat, { type: "conjunction" }).format(items);

/** The first letter large, for words that begin a line. */
export const capital = (words) => words.slice(0, 1).toLocaleUpperCase(locale) + words.slice(1);
