import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { failureWords } from "../static/exercise-words.js";
import { problem } from "../static/http.js";
import { LANGUAGES, language, loadLanguage } from "../static/i18n.js";
import { inWords, useRefusals } from "../static/refusals.js";
import { messagesOf, refusalsOf, speak } from "./languages.mjs";

const CODES = LANGUAGES.map(({ code }) => code).filter((code) => code !== "en");
const KEYS = Object.keys(refusalsOf(CODES[0]));
const placeholders = (text) => (text.match(/\{\w+\}/g) ?? []).toSorted();
const example = (template) => template.replace(/\{\w+\}/g, "x");

const fetched = globalThis.fetch;
afterEach(() => {
  globalThis.fetch = fetched;
});

test("a sentence is translated with its values", () => {
  useRefusals({ "Wait {seconds} s.": "Warte {seconds} s.", "{name} is {state}.": "{state} ist {name}." });
  assert.equal(inWords("Wait 12 s."), "Warte 12 s.");
  assert.equal(inWords("Anna is in."), "in ist Anna.");
});

test("a sentence without a translation stays as it is", () => {
  useRefusals({ "Wait {seconds} s.": "Warte {seconds} s.", "Wait.": "Warte." });
  for (const other of ["Wait 12 s", "Please: Wait 12 s.", "Wait  s", "Wait s.", "Wait. Now.", ""]) {
    assert.equal(inWords(other), other);
  }
});

test("a placeholder stands for at least one character", () => {
  useRefusals({ "a{x}b{y}c": "{x}, {y}" });
  for (const other of ["abc", "a1bc", "ab1c", "abbc"]) assert.equal(inWords(other), other);
  assert.equal(inWords("a1b2c"), "1, 2");
  assert.equal(inWords("abbbc"), "b, b");
});

test("a value stays text, whatever is in it", () => {
  useRefusals({ "There is already a user {name}. Choose another name.": "{name} gibt es schon.", "Wait.": "Warte." });
  for (const name of ["{name}", "$& $1 $$", "Wait.", ". Choose another name", "(a+)+$", "<b>\n\\", "__proto__"]) {
    assert.equal(inWords(`There is already a user ${name}. Choose another name.`), `${name} gibt es schon.`);
  }
});

test("a sentence within a sentence is translated too", () => {
  useRefusals({ "It can't be used. {sentence}": "Es geht nicht. {sentence}", "Wait {s} s.": "Warte {s} s." });
  assert.equal(inWords("It can't be used. Wait 3 s."), "Es geht nicht. Warte 3 s.");
  assert.equal(inWords("It can't be used. Who knows?"), "Es geht nicht. Who knows?");
});

test("each language translates the same sentences", () => {
  for (const code of CODES) assert.deepEqual(Object.keys(refusalsOf(code)), KEYS, code);
});

test("a translation has the values of its sentence; it may leave out which field is meant", () => {
  for (const code of CODES) {
    for (const [template, translation] of Object.entries(refusalsOf(code))) {
      assert.match(translation, /^(?!\s)(?!.*\s\s).*\S$/, `${code}: ${template}`);
      const wanted = placeholders(template).filter((name) => name !== "{field}");
      const given = placeholders(translation).filter((name) => name !== "{field}");
      assert.deepEqual(given, wanted, `${code}: ${template}`);
      assert.equal(new Set(given).size, given.length, template);
    }
  }
});

test("no two templates fit one sentence", () => {
  for (const template of KEYS) {
    useRefusals({ [template]: "found" });
    const fitting = KEYS.filter((other) => inWords(example(other)) === "found");
    assert.deepEqual(fitting, [template]);
  }
});

test("placeholders do not touch, so that it is plain where a value ends", () => {
  assert.deepEqual(KEYS.filter((template) => template.includes("}{")), []);
});

test("a refusal is shown in the person's language", async () => {
  speak("de");
  const body = JSON.stringify({ detail: "Too many tries. Wait 7 s, then try again." });
  const { message } = await problem(new Response(body, { status: 429 }));
  assert.equal(message, "Zu viele Versuche. Warte 7 s und versuche es dann noch einmal.");
});

test("so is why an exercise failed", () => {
  speak("es");
  assert.equal(
    failureWords({ error: "'a.mp4' can't be read as video: the file is empty. Choose a video file in MP4, MOV, WebM, MKV or AVI format." }),
    "'a.mp4' no se puede leer como vídeo: el archivo está vacío. Elige un archivo de vídeo en formato MP4, MOV, WebM, MKV o AVI.",
  );
  assert.equal(failureWords({ error: null }), messagesOf("es")["library.failed"]);
});

test("a language comes with its translations, and English with none", async () => {
  const asked = [];
  globalThis.fetch = async ({ pathname }) => {
    const path = pathname.split("/locales/")[1];
    asked.push(path);
    const code = path.match(/(\w+)\.json$/)[1];
    return new Response(JSON.stringify(path.startsWith("refusals/") ? refusalsOf(code) : messagesOf(code)));
  };
  await loadLanguage("de");
  assert.equal(language, "de");
  assert.equal(inWords("Sign in first."), "Melde dich zuerst an.");
  await loadLanguage("en");
  assert.equal(inWords("Sign in first."), "Sign in first.");
  assert.deepEqual(asked, ["de.json", "refusals/de.json", "en.json"]);
});
