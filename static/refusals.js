/**
 * What the server refuses with, in the chosen language.
 *
 * The server writes English sentences: its API, which programs read too. `locales/refusals/*.json` translate them by
 * the English sentence as the key, in which a `{placeholder}` stands for at least one character of anything.
 * `{sentence}` stands for a sentence that is translated in its turn. What no template fits stays as it is.
 */

/** The templates of the language in use, each cut at its placeholders. */
let templates = [];

/** Use translations that have been read already, `{template: translation}`. */
export function useRefusals(catalogue) {
  templates = Object.entries(catalogue).map(([template, translation]) => {
    // Split with a group: texts at even places, the names of placeholders between them.
    const pieces = template.split(/\{(\w+)\}/);
    const texts = pieces.filter((_, place) => place % 2 === 0);
    return { texts, names: pieces.filter((_, place) => place % 2 === 1), translation };
  });
}

/** The server's sentence in the language in use. */
export function inWords(detail) {
  for (const { texts, names, translation } of templates) {
    const found = between(detail, texts);
    if (found === null) continue;
    const values = new Map(names.map((name, place) => [name, found[place]]));
    return translation.replace(/\{(\w+)\}/g, (_, name) =>
      name === "sentence" ? inWords(values.get(name)) : values.get(name),
    );
  }
  return detail;
}

/**
 * What stands between `texts` in a sentence, which begins with the first and ends with the last; null where it does not
 * fit. Each text is taken where it comes first: so the time grows with the length alone, whatever the sentence holds.
 */
function between(sentence, texts) {
  const [first] = texts;
  const last = texts.at(-1);
  if (texts.length === 1) return sentence === first ? [] : null;
  if (!sentence.startsWith(first) || !sentence.endsWith(last)) return null;
  const end = sentence.length - last.length;
  const values = [];
  let at = first.length;
  for (const text of texts.slice(1, -1)) {
    const next = sentence.indexOf(text, at + 1);
    if (next === -1) return null;
    values.push(sentence.slice(at, next));
    at = next + text.length;
  }
  if (end <= at) return null;
  return [...values, sentence.slice(at, end)];
}
