/**
 * Server-sent events of an answer of `fetch`: the browser's own EventSource can't send a token.
 *
 * Source: HTML standard, section 9.2.6, "Interpreting an event stream".
 */

/** A function that takes the next piece of text and returns the events it completes, as `{event, data}`. */
export function eventReader() {
  let rest = "";
  let event = "";
  let data = [];
  let begun = false;
  return (text) => {
    if (text === "") return [];
    const whole = rest + (begun ? text : text.replace(/^\uFEFF/, ""));
    begun = true;
    // A carriage return at the end may be half of a line's end.
    const lines = whole.split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop();
    const events = [];
    for (const line of lines) {
      if (line === "") {
        if (data.length > 0) events.push({ event: event || "message", data: data.join("\n") });
        [event, data] = ["", []];
        continue;
      }
      const [, field, value = ""] = /^([^:]*)(?:: ?([\s\S]*))?$/.exec(line);
      if (field === "data") data.push(value);
      else if (field === "event") event = value;
    }
    return events;
  };
}

/**
 * The events of a response's body as they come, until it ends. Fails when the connection does. `onPiece` is called for
 * whatever comes, comments too: they are signs of life.
 */
export async function* eventsOf(response, onPiece = () => {}) {
  const read = eventReader();
  const body = response.body.pipeThrough(new TextDecoderStream()).getReader();
  try {
    for (;;) {
      const { done, value } = await body.read();
      if (done) return;
      onPiece();
      yield* read(value);
    }
  } finally {
    body.cancel().catch(() => {}); // whoever stops listening needs no connection
  }
}
