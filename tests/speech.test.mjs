import assert from "node:assert/strict";
import { test } from "node:test";

import { makeVoice } from "../static/speech.js";

class Utterance {
  constructor(text) {
    this.text = text;
  }
}

/** A browser's speech that never gets to the end of a sentence by itself. */
class Synthesis {
  queue = [];
  get speaking() {
    return this.queue.length > 0;
  }
  speak(utterance) {
    this.queue.push(utterance);
  }
  cancel() {
    this.queue = [];
  }
}

test("words are said in the page's language", () => {
  const synthesis = new Synthesis();
  makeVoice(synthesis, Utterance).say("Lower");
  assert.deepEqual(synthesis.queue.map(({ text, lang }) => [text, lang]), [["Lower", "en"]]);
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
