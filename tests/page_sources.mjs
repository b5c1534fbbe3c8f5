/**
 * What the page's sources say, without a parser of JavaScript: the calls of a function, and the templates.
 *
 * Good enough for code as it is written here; what it can't read it reports as an error, not as nothing.
 */
import { readFileSync, readdirSync } from "node:fs";

const STATIC = new URL("../static/", import.meta.url);

/** The page's own modules as `[{name, source}]`, without those of others and of docs/, which is for programmers. */
export function modules() {
  return readdirSync(STATIC, { recursive: true })
    .filter((name) => name.endsWith(".js") && !/^(vendor|docs)\//.test(name))
    .map((name) => ({ name, source: withoutComments(readFileSync(new URL(name, STATIC), "utf8")) }));
}

/** Comments become spaces, so that an example in one is no call. Strings and templates stay. */
function withoutComments(source) {
  return source.replace(
    /("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')|\/\*[\s\S]*?\*\/|(^|[^:"'`\\/<])\/\/[^\n]*/g,
    (all, text, before = "") => text ?? before + all.slice(before.length).replace(/[^\n]/g, " "),
  );
}

const CLOSES = { "(": ")", "[": "]", "{": "}" };

/** Where the text that begins behind an opening bracket at `at` ends: the index of its closing bracket. */
function closing(source, at) {
  const open = [CLOSES[source[at]]];
  for (let i = at + 1; i < source.length; i += 1) {
    const character = source[i];
    if (character === open.at(-1)) {
      open.pop();
      if (open.length === 0) return i;
    } else if (character in CLOSES) open.push(CLOSES[character]);
    else if (character === '"' || character === "'") i = endOfString(source, i);
    else if (character === "`") i = template(source, i).end;
  }
  throw new Error(`No end of: ${source.slice(at, at + 60)}`);
}

function endOfString(source, at) {
  let i = at + 1;
  while (source[i] !== source[at]) i += source[i] === "\\" ? 2 : 1;
  return i;
}

/** The template literal that begins at `at`: `{end, markup}`, each `${…}` left as `${}`. */
function template(source, at) {
  let markup = "";
  let i = at + 1;
  while (source[i] !== "`") {
    if (i >= source.length) throw new Error(`No end of: ${source.slice(at, at + 60)}`);
    if (source.startsWith("${", i)) {
      i = closing(source, i + 1) + 1;
      markup += "${}";
    } else {
      if (source[i] === "\\") markup += source[i++];
      markup += source[i++];
    }
  }
  return { end: i, markup };
}

/** The markup of each html`` in a module, also of those inside others. */
export const templates = (source) =>
  [...source.matchAll(/\bhtml`/g)].map(({ index }) => template(source, index + 4).markup);

/** The texts between the brackets of each call of `name`. */
export const calls = (source, name) =>
  [...source.matchAll(new RegExp(`(?<![\\w.$])(?<!function )${name}\\(`, "g"))].map(({ index }) => {
    const at = index + name.length;
    return source.slice(at + 1, closing(source, at));
  });

/** A call's first argument. */
export function firstArgument(inside) {
  for (let i = 0; i < inside.length; i += 1) {
    if (inside[i] === ",") return inside.slice(0, i);
    if (inside[i] in CLOSES) i = closing(inside, i);
    else if (inside[i] === '"') i = endOfString(inside, i);
    else if (inside[i] === "`") i = template(inside, i).end;
  }
  return inside;
}

/** The values of the strings in a piece of code. */
export const strings = (code) => [...code.matchAll(/"((?:[^"\\\n]|\\.)*)"/g)].map(([, text]) => text);
