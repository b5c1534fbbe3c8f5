/** Checks of values that came as JSON. */

export const number = (value) => typeof value === "number" && Number.isFinite(value);
export const numberOrNull = (value) => value === null || number(value);
export const flag = (value) => typeof value === "boolean";
export const count = (value) => Number.isInteger(value) && value >= 0;
export const text = (value) => typeof value === "string";
export const textOrNull = (value) => value === null || text(value);
export const record = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

/** A check for either null or what `check` lets through. */
export const orNull = (check) => (value) => value === null || check(value);
export const oneOf = (values) => (value) => values.includes(value);
export const listOf = (check) => (value) => Array.isArray(value) && value.every(check);
/** A check for an object with these fields; it may have more. */
export const having = (fields) => (value) =>
  record(value) && Object.entries(fields).every(([name, check]) => check(value[name]));

/** Whether `message` has a type that `types` knows, and the fields that it wants. */
export const passes = (message, types) => Object.hasOwn(types, message.type) && having(types[message.type])(message);

/** `data` parsed; null where it is no JSON. */
export function parseJson(data) {
  try {
    return JSON.parse(data);
  } catch {
    return null;
  }
}
