/**
 * The line to the server while a call goes on. It is made anew whenever it breaks, until the server says that the call
 * is over.
 */
import { t } from "../i18n.js";
import { keepRenewed } from "../renewal.js";
import { callMessage, parseCallMessage } from "./call-messages.js";

/** `readyState` of a socket that takes messages. */
const OPEN = 1;

/** How long to wait for the server's welcome. */
const WELCOME_MS = 10_000;

const PING_MS = 5_000;
/** So many pings without any sign of the server: the line is dead, though nobody has said so. */
const MOST_UNANSWERED = 2;

/** After this time a line counts as good, and the next break as a new one. */
const STEADY_MS = 10_000;

const [SHORTEST_MS, LONGEST_MS] = [300, 5_000];

/** Reasons of `bye` after which one may come back: the server starts anew; the token was too old. */
const RETURNS = ["shutdown", "expired"];

/** What a close code means where no `bye` came. */
const OVER = { 4409: "replaced", 4410: "ended" };

/** How long to wait before the try after `tries` that failed; `random` is 0 to 1. */
export const backoffMs = (tries, random) => Math.min(LONGEST_MS / 2, SHORTEST_MS * 2 ** tries) * (1 + random);

/** A refusal that asking again may change: no answer, too much to do, a broken server. */
const passing = ({ status = 0 }) => status === 0 || status === 429 || status >= 500;

/** The address of a socket of this server: encrypted where the page is. */
export function socketAddress(path, page = window.location.href) {
  const address = new URL(path, page);
  address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
  return address.href;
}

/** The same path on this page's own server, which passes on what is said where the call is on another node. */
const pathHere = (path) => new URL(path, "http://here").pathname;

/** What a token that was refused means: the call has ended, or the server's sentence says why. */
const overBy = ({ status, message }) => [status === 409 ? "ended" : "refused", message];

/**
 * Keep a line open until `signal` aborts or the call is over.
 *
 * - `askToken(signal)` brings `{token, expires_in, socket_url}`.
 * - `epoch()` is that of a connection to the other person that still works, or null.
 * - `onMessage` gets each message.
 * - `onLine(status, error)`: "opening", "connected" or "reconnecting", and why it is not open, or null.
 * - `onOver(reason, error)`, once and at last: a reason of `bye`, or "refused" and a sentence.
 *
 * Returns `{send(type, fields)}`, which is false when nothing could be sent.
 */
export function openCallSocket(
  { askToken, epoch, onMessage, onLine, onOver, connectTo = (address) => new WebSocket(address), random = Math.random },
  signal,
) {
  let line = null; // while it is welcome
  let tries = 0;
  let opened = false;
  let here = false; // or where the token says, which not every network may reach

  /** One line from its token to its end: why the call is over, or null when only the line is. */
  async function talk() {
    const { token, socket_url: path } = await askToken(signal);
    signal.throwIfAborted();
    const socket = connectTo(socketAddress(here ? pathHere(path) : path));
    let welcome = false;
    const ending = new AbortController();
    const own = AbortSignal.any([signal, ending.signal]);
    const speak = (type, fields) => socket.readyState === OPEN && (socket.send(callMessage(type, fields)), true);
    try {
      return await new Promise((resolve, reject) => {
        const broke = () => resolve(null);
        const alive = watchLine(speak, broke, own);
        const welcomed = ({ expires_in: lifetimeS }) => {
          line = { speak };
          opened = welcome = true;
          alive.welcomed();
          later(STEADY_MS, () => (tries = 0), own);
          keepRenewed(lifetimeS, () => renew(speak, own), own);
          onLine("connected", null);
        };
        const receive = ({ data }) => {
          alive.heard();
          const message = parseCallMessage(data);
          if (message === null) return;
          if (message.type === "bye") return resolve(RETURNS.includes(message.reason) ? null : message.reason);
          if (message.type === "welcome") welcomed(message);
          onMessage(message);
        };
        own.addEventListener("abort", () => reject(own.reason), { once: true });
        socket.addEventListener("open", () => speak("hello", { token, epoch: epoch() }), { signal: own });
        socket.addEventListener("close", ({ code }) => resolve(OVER[code] ?? null), { signal: own });
        socket.addEventListener("message", receive, { signal: own });
      });
    } finally {
      line = null;
      here = welcome ? here : !here;
      ending.abort();
      socket.close();
    }
  }

  async function renew(speak, own) {
    const { token, expires_in: lifetimeS } = await askToken(own);
    speak("renew", { token });
    return lifetimeS;
  }

  async function keepOpen() {
    for (;; tries += 1) {
      let error;
      try {
        const over = await talk();
        if (over !== null) return onOver(over, null);
        error = t("api.unreachable");
      } catch (failure) {
        if (signal.aborted) return undefined;
        if (!passing(failure)) return onOver(...overBy(failure));
        error = failure.message;
      }
      onLine(opened ? "reconnecting" : "opening", error);
      await pauseOrOnline(backoffMs(tries, random()), signal);
      if (signal.aborted) return undefined;
    }
  }
  keepOpen();
  return { send: (type, fields) => line !== null && line.speak(type, fields) };
}

/** Tell by `broke` when a line is dead though nobody says so. Returns what it has to be told itself. */
function watchLine(speak, broke, signal) {
  let answered = true;
  let welcome = false;
  let unanswered = 0;
  let pings = 0;
  const beat = () => {
    unanswered = answered ? 0 : unanswered + 1;
    if (unanswered === MOST_UNANSWERED) return broke();
    answered = false;
    speak("ping", { id: (pings += 1) });
    return later(PING_MS, beat, signal);
  };
  later(WELCOME_MS, () => welcome || broke(), signal);
  return {
    heard: () => (answered = true),
    welcomed() {
      welcome = true;
      later(PING_MS, beat, signal);
    },
  };
}

function later(ms, work, signal) {
  const timer = setTimeout(work, ms);
  signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
}

/** Resolves after `ms`, or as soon as there is a network again, or when `signal` aborts. */
function pauseOrOnline(ms, signal) {
  const done = new AbortController();
  return new Promise((resolve) => {
    later(ms, resolve, AbortSignal.any([signal, done.signal]));
    signal.addEventListener("abort", resolve, { once: true, signal: done.signal });
    globalThis.addEventListener?.("online", resolve, { once: true, signal: done.signal });
  }).finally(() => done.abort());
}
