/** Words said aloud by the browser, one at a time. */

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
    utterance.lang = "en";
    synthesis.speak(utterance);
  };
  return { available, say, hush };
}

export const voice = makeVoice(globalThis.speechSynthesis, globalThis.SpeechSynthesisUtterance);
