/** What an OpenAPI document says, in the words and the order of the page. No DOM, no network. */

const METHODS = ["get", "post", "put", "patch", "delete", "options"];

/** What a `$ref` of this document points to; anything else as it is. */
export function resolve(document, part) {
  let found = part;
  while (found?.$ref) found = found.$ref.slice(2).split("/").reduce((inside, key) => inside[key], document);
  return found;
}

/** The last word of a `$ref`: the schema's name. */
export const nameOf = (ref) => ref.slice(ref.lastIndexOf("/") + 1);

/** Every operation as `{id, method, path, tag, ...}`, grouped by tag: `[{tag, operations}]`. */
export function groups(document) {
  const all = [];
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const method of METHODS.filter((each) => each in methods)) {
      const operation = methods[method];
      all.push({ ...operation, id: operation.operationId, method: method.toUpperCase(), path, tag: operation.tags[0] });
    }
  }
  return document.tags
    .map(({ name }) => ({ tag: name, operations: all.filter((each) => each.tag === name) }))
    .filter(({ operations }) => operations.length > 0);
}

/** Webhooks as `[{id, name, ...}]`. */
export const webhooks = (document) =>
  Object.entries(document.webhooks ?? {}).map(([name, { post }]) => ({ ...post, id: post.operationId, name }));

/** The messages of the data channels, and of a call's socket: `[{id, channel, from, kind, schema, description}]`. */
export function messages(document) {
  const channels = { ...document["x-data-channels"]?.channels, call: document["x-call-socket"] ?? {} };
  return Object.entries(channels).flatMap(([channel, sides]) =>
    ["client", "server"].flatMap((from) =>
      Object.entries(resolve(document, sides[from] ?? {}).discriminator?.mapping ?? {}).map(([kind, $ref]) => ({
        id: `${channel}-${from}-${kind}`,
        channel,
        from,
        kind,
        schema: { $ref },
        description: resolve(document, { $ref }).description ?? "",
      })),
    ),
  );
}

/** Whether each word of `search` stands in one of the texts. */
export function matches(search, ...texts) {
  const text = texts.join(" ").toLowerCase();
  return search
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

/** A schema without the option to be null: `{schema, nullable}`. */
export function unwrapped(schema) {
  const options = schema.anyOf ?? schema.oneOf ?? [];
  const rest = options.filter((each) => each.type !== "null");
  if (rest.length === options.length) return { schema, nullable: false };
  const { anyOf, oneOf, ...around } = schema;
  return { schema: rest.length === 1 ? { ...around, ...rest[0] } : { ...around, anyOf: rest }, nullable: true };
}

/** What a value is, in a few words: "number, 0 to 1 or null". */
export function typeWords(document, given) {
  const { schema, nullable } = unwrapped(given);
  return `${words(document, schema)}${nullable ? " or null" : ""}`;
}

function words(document, schema) {
  if (schema.$ref) return words(document, { title: nameOf(schema.$ref), ...resolve(document, schema) });
  if ("const" in schema) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((each) => JSON.stringify(each)).join(" | ");
  const options = schema.anyOf ?? schema.oneOf;
  if (options) return options.map((each) => words(document, each)).join(" | ");
  if (schema.type === "array") {
    const items = schema.items ? `array of ${words(document, unwrapped(schema.items).schema)}` : "array";
    return `${items}${span(schema.minItems, schema.maxItems, "entries")}`;
  }
  if (schema.type === "object") return schema.title ?? "object";
  const type = schema.format ?? schema.contentMediaType ?? schema.type ?? "anything";
  const numbers = span(schema.minimum ?? above(schema.exclusiveMinimum), schema.maximum ?? below(schema.exclusiveMaximum));
  const pattern = schema.pattern ? `, ${schema.pattern}` : "";
  return `${type}${numbers}${span(schema.minLength, schema.maxLength, "characters")}${pattern}`;
}

const above = (number) => (number === undefined ? undefined : `above ${number}`);
const below = (number) => (number === undefined ? undefined : `below ${number}`);

function span(least, most, unit = "") {
  const after = unit && ` ${unit}`;
  if (least === undefined && most === undefined) return "";
  if (least === most) return `, ${least}${after}`;
  if (most === undefined) return `, ${typeof least === "string" ? least : `at least ${least}`}${after}`;
  if (least === undefined) return `, ${typeof most === "string" ? most : `at most ${most}`}${after}`;
  return `, ${least} to ${most}${after}`;
}

/** The fields of an object's schema, or of what an array holds: `[{name, schema, required, description}]`. */
export function fields(document, given) {
  const schema = resolve(document, unwrapped(given).schema);
  if (schema.type === "array") return schema.items ? fields(document, schema.items) : [];
  return Object.entries(schema.properties ?? {}).map(([name, field]) => ({
    name,
    schema: field,
    required: schema.required?.includes(name) ?? false,
    description: field.description ?? "",
  }));
}

/** A value that fits a schema, to begin with. */
export function sample(document, given, depth = 0) {
  const { schema, nullable } = unwrapped(given);
  const found = resolve(document, schema);
  if ("const" in found) return found.const;
  if ("default" in given) return given.default;
  if (found.enum) return found.enum[0];
  if (nullable || depth > 4) return null;
  const options = found.anyOf ?? found.oneOf;
  if (options) return sample(document, options[0], depth + 1);
  switch (found.type) {
    case "object":
      return Object.fromEntries(
        Object.entries(found.properties ?? {}).map(([name, field]) => [name, sample(document, field, depth + 1)]),
      );
    case "array":
      return found.items && found.minItems ? [sample(document, found.items, depth + 1)] : [];
    case "integer":
    case "number":
      return found.minimum ?? 0;
    case "boolean":
      return false;
    default:
      return "";
  }
}

/** The address of a request: each `{part}` of the path filled, and what is given of the query. */
export function address(path, parameters, values) {
  const given = (place) => parameters.filter((each) => each.in === place && values[each.name]);
  const filled = given("path").reduce(
    (text, { name }) => text.replace(`{${name}}`, encodeURIComponent(values[name])),
    path,
  );
  const query = new URLSearchParams(given("query").map(({ name }) => [name, values[name]])).toString();
  return query ? `${filled}?${query}` : filled;
}
