/** Finding an exercise among many by a few letters. No DOM, no network. */
import { kindWords } from "./exercise-words.js";

/** Without accents and large letters, as people type who search. */
const plain = (text) =>
  text
    .normalize("NFD")
    .replace(/\p{Mn}/gu, "")
    .toLowerCase();

/** The exercises that have every word of `text` in name, description, kind or owner's name. */
export function matching(exercises, text) {
  const words = plain(text).split(/\s+/).filter(Boolean);
  return exercises.filter(({ name, description, kind, owner }) => {
    const about = plain([name, description, kindWords(kind), owner.name].join("\n"));
    return words.every((word) => about.includes(word));
  });
}
