import assert from "node:assert/strict";
import { test } from "node:test";

import { bestVoice, makeVoice } from "../static/speech.js";
import { speak } from "./languages.mjs";

speak("en");

class Utterance {
  constructor(text) {
    this.text = text;
  }
}

/** A browser's speech that never gets to the end of a sentence by itself. */
class Synthesis {
  queue = [];
  voices = [];
  get speaking() {
    return this.queue.length > 0;
  }
  getVoices() {
    return this.voices;
  }
  speak(utterance) {
    this.queue.push(utterance);
  }
  cancel() {
    this.queue = [];
  }
}

const voiceOf = (lang, more = {}) => ({ lang, localService: true, default: false, ...more });

test("words are said in the page's language, by a voice of it", () => {
  const synthesis = new Synthesis();
  synthesis.voices = [voiceOf("en-GB"), voiceOf("de-DE")];
  const voice = makeVoice(synthesis, Utterance);
  speak("de");
  voice.say("Tiefer");
  speak("en");
  assert.deepEqual(
    synthesis.queue.map(({ text, lang, voice: { lang: spoken } }) => [text, lang, spoken]),
    [["Tiefer", "de-DE", "de-DE"]],
  );
});

test("without a voice of the language the browser is told the language alone", () => {
  const synthesis = new Synthesis();
  synthesis.voices = [voiceOf("fr-FR")];
  makeVoice(synthesis, Utterance).say("Lower");
  assert.deepEqual({ ...synthesis.queue[0] }, { text: "Lower", lang: "en-GB" });
});

test("a voice of this device comes before the right country, and that before the browser's favourite", () => {
  const far = voiceOf("de-AT", { localService: false });
  const favourite = voiceOf("de-DE", { default: true });
  const right = voiceOf("de_AT");
  assert.equal(bestVoice([far, favourite], "de", "de-AT"), favourite);
  assert.equal(bestVoice([favourite, right], "de", "de-AT"), right);
  assert.equal(bestVoice([far], "de", "de-AT"), far);
  assert.equal(bestVoice([far], "es", "es-ES"), null);
});

test("newer words take the place of those that are being said", () => {
  const synthesis = new Synthesis();
  const voice = makeVoice(synthesis, Utterance);
  voice.say("Lower");
  voice.say("Slow down");
  assert.deepEqual(synthesis.queue.map(({ text }) => text), ["Slow down"]);
});

test("what is being said can be cut short", () => {
  const synthesis = new Synthesis();
  const voice = makeVoice(synthesis, Utterance);
  voice.say("Lower");
  voice.hush();
  assert.equal(synthesis.speaking, false);
});

test("a browser without speech stays silent", () => {
  for (const voice of [makeVoice(undefined, undefined), makeVoice(new Synthesis(), undefined)]) {
    assert.equal(voice.available, false);
    voice.say("Lower");
    voice.hush();
  }
});
