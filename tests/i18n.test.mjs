import assert from "node:assert/strict";
import { test } from "node:test";

import * as i18n from "../static/i18n.js";
import { VIEWS } from "../static/routes.js";
import { messagesOf, speak } from "./languages.mjs";
import { calls, firstArgument, modules, strings, templates } from "./page_sources.mjs";

const CODES = i18n.LANGUAGES.map(({ code }) => code);
const messages = Object.fromEntries(CODES.map((code) => [code, messagesOf(code)]));
const KEYS = Object.keys(messages.en);
const sources = modules();

const KEY = /^[a-z]\w*(\.\w+)+$/;
const placeholders = (text) => [...new Set(text.match(/\{\w+\}/g))].sort();
const texts = (message) => (typeof message === "string" ? [message] : Object.values(message));

/** A key made of pieces can't be found in the message files: such keys are listed with `keys`. */
const PIECES = /[`+]/;

function keysUsed() {
  const used = new Set(VIEWS.map(({ title }) => title));
  for (const { source } of sources) {
    const listed = [...calls(source, "t").map(firstArgument), ...calls(source, "keys")];
    for (const key of listed.flatMap(strings).filter((text) => KEY.test(text))) used.add(key);
  }
  return used;
}

test("every language has the same keys in the same order", () => {
  for (const code of CODES) assert.deepEqual(Object.keys(messages[code]), KEYS, code);
});

test("every language fills the same placeholders", () => {
  for (const key of KEYS) {
    const wanted = placeholders(texts(messages.en[key]).at(-1));
    for (const code of CODES) {
      for (const text of texts(messages[code][key])) assert.deepEqual(placeholders(text), wanted, `${code}: ${key}`);
    }
  }
});

test("a text that counts has each form of its language", () => {
  for (const code of CODES) {
    // What Spanish needs from a million on nobody counts to here.
    const forms = new Intl.PluralRules(code).resolvedOptions().pluralCategories.filter((form) => form !== "many");
    for (const key of KEYS.filter((each) => typeof messages.en[each] !== "string")) {
      assert.deepEqual(Object.keys(messages[code][key]).sort(), forms.sort(), `${code}: ${key}`);
    }
  }
});

test("no text is empty or has a space too many", () => {
  for (const code of CODES) {
    for (const key of KEYS) {
      for (const text of texts(messages[code][key])) assert.match(text, /^(?!\s)(?!.*\s\s).*\S$/, `${code}: ${key}`);
    }
  }
});

test("every key in the page's sources has a text", () => {
  assert.deepEqual([...keysUsed()].filter((key) => !KEYS.includes(key)), []);
});

test("every text is used", () => {
  const used = keysUsed();
  const server = /^(report|consent)\./; // texts that the server writes
  assert.deepEqual(KEYS.filter((key) => !used.has(key) && !server.test(key)), []);
});

test("no key is made of pieces", () => {
  for (const { name, source } of sources) {
    for (const inside of calls(source, "t")) assert.doesNotMatch(firstArgument(inside), PIECES, `${name}: t(${inside})`);
  }
});

test("no template holds a text of its own", () => {
  const allowed = new Set(["posesim", "Esc", "M", "s"]); // a name, two keys of the keyboard, seconds
  const read = /\s(?:aria-label|aria-description|title|placeholder|alt|label|text|action|words|says)="([^"]*)"/g;
  for (const { name, source } of sources) {
    for (const markup of templates(source)) {
      const shown = markup.replace(/\$\{\}/g, " ").replace(/<[^>]*>/g, " ").split(/\s+/);
      const attributes = [...markup.matchAll(read)].flatMap(([, value]) => value.split(/\s+/));
      const own = [...shown, ...attributes].filter((word) => /\p{L}/u.test(word) && !allowed.has(word));
      assert.deepEqual(own, [], name);
    }
  }
});

test("no sentence stands in the sources", () => {
  for (const { name, source } of sources) {
    const sentences = strings(source).filter((text) => /^\p{Lu}[\p{L}’]+ [\p{L}’]+ |[.!?…]$/u.test(text) && /\p{L}{2}/u.test(text));
    assert.deepEqual(sentences, [], name);
  }
});

test("the language is the one that was chosen, else the browser's, else English", () => {
  assert.equal(i18n.preferredLanguage("es", ["de-AT", "en"]), "es");
  assert.equal(i18n.preferredLanguage("", ["fr", "de-AT", "en"]), "de");
  assert.equal(i18n.preferredLanguage("tlh", ["fr"]), "en");
  assert.equal(i18n.preferredLanguage("", []), "en");
});

test("numbers and dates are written as where the browser is at home", () => {
  speak("de");
  assert.equal(i18n.number(1234.5), "1.234,5");
  assert.equal(i18n.date(new Date(2026, 2, 3)), "03.03.2026");
  speak("de", ["en-US", "de-AT"]);
  assert.equal(i18n.locale, "de-AT");
  speak("en");
  assert.equal(i18n.number(1234.5), "1,234.5");
  assert.equal(i18n.percent(0.43), "43%");
  assert.equal(i18n.relative(-1, "day"), "yesterday");
  assert.equal(i18n.list(["a", "b", "c"]), "a, b and c");
});

test("placeholders are filled, numbers among them as the language writes them", () => {
  i18n.useMessages("de", { "a.b": "{count} von {name}: {count}" }, []);
  assert.equal(i18n.t("a.b", { count: 1234.5, name: "{count}" }), "1.234,5 von {count}: 1.234,5");
});

test("the count chooses the form", () => {
  i18n.useMessages("en", { "a.b": { one: "{count} plan", other: "{count} plans" } }, []);
  assert.deepEqual([0, 1, 2].map((count) => i18n.t("a.b", { count })), ["0 plans", "1 plan", "2 plans"]);
});

test("a language that can't be fetched leaves the one in use", async (context) => {
  speak("de");
  context.mock.method(globalThis, "fetch", async () => new Response("", { status: 503 }));
  await assert.rejects(i18n.loadLanguage("es"), /locales\/es\.json: 503/);
  assert.equal(i18n.language, "de");
});
