/** The page's message files, read from disk: in Node nothing answers `fetch`. */
import { readFileSync } from "node:fs";

import { useMessages } from "../static/i18n.js";

export const messagesOf = (code) =>
  JSON.parse(readFileSync(new URL(`../static/locales/${code}.json`, import.meta.url), "utf8"));

/** Use a language, as the page does after `loadLanguage`. `tags` is what the browser asks for. */
export const speak = (code, tags = []) => useMessages(code, messagesOf(code), tags);
