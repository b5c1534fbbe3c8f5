/** The own camera's way to the server, as its tickets ask for it: to be scored, or to be a live reference. */
import { connect } from "../connection.js";

/** Bits a second: the server looks at 224 pixels, and the same line carries the conversation. */
const MAX_BITRATE = 900_000;

/**
 * One stream at a time, until `signal` aborts.
 *
 * `onMessage(id, message)` gets what comes over a stream's data channels; `onStatus(purpose, status)` "connecting", "on",
 * "lost" or "off".
 *
 * Returns `{take(ticket), change(camera), tellClock(referenceS, rate)}`. A ticket of another session replaces the stream
 * that runs; one of the same session changes nothing.
 */
export function ticketStreams({ camera, onMessage, onStatus, join = connect }, signal) {
  let wanted = camera; // a track or null
  let current = null;

  function take(ticket) {
    if (current?.id === ticket.id) return;
    leave(current);
    const stream = { id: ticket.id, purpose: ticket.purpose, closing: new AbortController(), joined: null, sent: null };
    current = stream;
    const end = () => (stream.sent?.stop(), stream.closing.abort());
    signal.addEventListener("abort", end, { once: true, signal: stream.closing.signal });
    onStatus(stream.purpose, "connecting");
    const receive = (message) => {
      onMessage(stream.id, message);
      if (message.type === "ended") over(stream, "off");
    };
    const watch = (status) => (status === "lost" ? over(stream, "lost") : current === stream && onStatus(stream.purpose, "on"));
    const handlers = { onMessage: receive, onStatus: watch, maxBitrate: MAX_BITRATE, resumes: false };
    join(ticket, handlers, stream.closing.signal).then(
      (joined) => {
        stream.joined = joined;
        return show(stream);
      },
      () => over(stream, "lost"), // the server sees the same, and makes another ticket
    );
  }

  /** Send what the camera sees: a clone, so that either way of a picture can end without the other. */
  async function show(stream) {
    const { joined, sent } = stream;
    if (joined === null || current !== stream) return;
    stream.sent = wanted?.clone() ?? null;
    await joined.send(stream.sent).catch(() => {}); // it was closed meanwhile
    sent?.stop();
  }

  /** Forget a stream that has come to its end by itself. */
  function over(stream, status) {
    if (current === stream) {
      current = null;
      if (!signal.aborted) onStatus(stream.purpose, status);
    }
    leave(stream);
  }

  /** Let a stream end on both sides; a dead line has a moment to say so. */
  function leave(stream) {
    if (stream === null) return;
    stream.sent?.stop();
    const left = stream.joined?.leave() ?? Promise.resolve();
    left.catch(() => {}).finally(() => stream.closing.abort());
  }

  return {
    take,
    change(next) {
      if (next === wanted) return;
      wanted = next;
      if (current !== null) show(current);
    },
    tellClock: (referenceS, rate) => current?.joined?.tellClock(referenceS, rate),
  };
}
