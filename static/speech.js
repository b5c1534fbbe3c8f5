/** Words said aloud by the browser, one at a time, in the language of the page. */
import { language, locale } from "./i18n.js";

/**
 * `{available, say(words), hush()}`. What is being said gives way to newer words: a cue that waited its turn would
 * be about a movement long past.
 *
 * Without speech in the browser, `say` and `hush` do nothing.
 */
export function makeVoice(synthesis, Utterance) {
  const available = Boolean(synthesis && Utterance);
  const hush = () => {
    if (available && (synthesis.speaking || synthesis.pending)) synthesis.cancel();
  };
  let utterance = null; // some browsers forget one that nobody holds, in the middle of a word
  const say = (words) => {
    if (!available) return;
    hush();
    utterance = new Utterance(words);
    utterance.lang = locale;
    const voice = bestVoice(synthesis.getVoices(), language, locale);
    if (voice !== null) utterance.voice = voice;
    synthesis.speak(utterance);
  };
  return { available, say, hush };
}

/**
 * The voice that fits a language best, or null: the browser then takes one by `lang`. A voice of this device comes
 * first, because others send what is said to their maker.
 */
export function bestVoice(voices, code, tag) {
  const tagOf = (voice) => voice.lang.replace("_", "-").toLowerCase(); // Android writes "de_DE"
  const rank = (voice) =>
    4 * Number(voice.localService) + 2 * Number(tagOf(voice) === tag.toLowerCase()) + Number(voice.default);
  const fitting = voices.filter((voice) => tagOf(voice).split("-")[0] === code);
  return fitting.reduce((best, voice) => (best === null || rank(voice) > rank(best) ? voice : best), null);
}

export const voice = makeVoice(globalThis.speechSynthesis, globalThis.SpeechSynthesisUtterance);
