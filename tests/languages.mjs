/** The page's message files, read from disk: in Node nothing answers `fetch`. */
import { readFileSync } from "node:fs";

import { useMessages } from "../static/i18n.js";
import { useRefusals } from "../static/refusals.js";

const read = (path) => JSON.parse(readFileSync(new URL(`../static/locales/${path}`, import.meta.url), "utf8"));

export const messagesOf = (code) => read(`${code}.json`);

/** The translations of what the server says; English has none. */
export const refusalsOf = (code) => (code === "en" ? {} : read(`refusals/${code}.json`));

/** Use a language, as the page does after `loadLanguage`. `tags` is what the browser asks for. */
export function speak(code, tags = []) {
  useRefusals(refusalsOf(code));
  useMessages(code, messagesOf(code), tags);
}
