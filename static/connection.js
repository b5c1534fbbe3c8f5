/**
 * A live session: camera out by WHIP, scores in by data channel, over one connection after the other.
 *
 * A connection that is lost is replaced by another one to the same session, which goes on where it was.
 */

import { ApiError, deleteSession, endWhip, renewSessionToken, whereIsSession } from "./api.js";
import { HeardScores } from "./heard-scores.js";
import { keepPace, openLink } from "./link.js";
import { bye, clock, hello, parseMessage, ping, renew } from "./messages.js";
import { pause } from "./pause.js";
import { keepRenewed } from "./renewal.js";

export { ConnectionError } from "./link.js";

const PING_MS = 1_000;
/** Without a message for this long the connection is shown as weak: some pings went unanswered. */
const WEAK_MS = 3_000;
/** Without one for this long another connection is made. */
const LOST_MS = 5_000;
/** How long to wait for the server's last message after `bye`. */
const GOODBYE_MS = 3_000;

/** How long to try. The server says by itself when it does not keep the session any more; it may be away that long. */
const GIVE_UP_MS = 180_000;
/** The first pause between two tries, by how much each is longer than the one before, and the longest. */
const AGAIN_MS = 500;
const LONGER = 1.3;
const LONGEST_AGAIN_MS = 3_000;
/** How long one try may take to be answered, and to be connected. What waits longer began on a dead line. */
const ANSWER_MS = 2_500;
const TRY_MS = 6_000;
/** For how long a node may leave an offer unanswered before the others are asked: one that is cut off never answers. */
const ASK_MS = 500;

/** What the server says of a session that another window has taken over meanwhile. */
const ELSEWHERE = 412;
/** What the server says of a session that can't be gone on with. */
const FINAL = [401, 403, 404, 410];

/**
 * Connect to the session that the server opened.
 *
 * `offered` is the answer of `createSession`, or the ticket of a call. `onMessage` gets each message of the server
 * once; `onStatus` gets `"good"`, `"weak"`, `"reconnecting"` or, once and at last, `"lost"`. `maxBitrate` is in bits a
 * second. Unless it `resumes`, the first loss is the last. Everything ends when `signal` aborts. When another window
 * has taken the session over, `ended` with the reason `taken_over` is the last message until `takeBack`.
 *
 * Returns, when the channel is open, `{send(track), tellClock(referenceS, rate), takeBack(), leave()}`: `send` starts to send a
 * camera track (null: none any more), `tellClock` says where the reference is that is played (nulls: none is any
 * more), `leave` says goodbye, waits for the summary a moment and closes.
 */
export async function connect(offered, { onMessage, onStatus, maxBitrate, resumes = true }, signal) {
  signal.throwIfAborted();
  const own = new AbortController();
  const close = () => own.abort();
  signal.addEventListener("abort", close, { once: true });

  let heard = performance.now();
  let lastSeq = -1; // of the events
  const scores = new HeardScores();
  let ended = false;
  let resolveEnded;
  const endedMessage = new Promise((resolve) => (resolveEnded = resolve));
  const receive = (text) => {
    const message = parseMessage(text);
    if (message === null) return;
    heard = performance.now();
    if (message.type === "score") {
      if (!scores.take(message.seq)) return; // it was said again, and had come all the same
    } else if (message.type !== "pose") {
      if (message.seq <= lastSeq) return; // it came over an earlier connection
      lastSeq = message.seq;
    }
    if (message.type === "ended") {
      ended = true;
      if (message.reason !== "taken_over") resolveEnded();
    }
    onMessage(message);
  };

  let token = offered.token;
  let whipUrl = offered.whip_url;
  const nodes = offered.nodes ?? []; // others, which know where the session is when its own is gone
  let location = null;
  let track = null;
  let link = null; // the connection that is open, or null
  const claim = () => `"${location.split("/").at(-1)}"`; // the ETag of the connection that there was
  const isOpen = () => link !== null && link.events.readyState === "open";
  const endOnServer = () => location !== null && endWhip(location, token);
  window.addEventListener("pagehide", endOnServer, { signal: own.signal });

  /** Open a connection, the first or another one, and say hello. It has an end of its own, or that of all. */
  async function open(again, given, claimed = again ? claim() : null) {
    const closing = new AbortController();
    const end = () => closing.abort();
    own.signal.addEventListener("abort", end, { once: true, signal: closing.signal });
    given?.addEventListener("abort", end, { once: true, signal: closing.signal });
    try {
      const options = { token, claim: claimed, maxBitrate, answerMs: again ? ANSWER_MS : null };
      const onLocation = (found) => (location = found);
      const opened = await openLink({ ...offered, whip_url: whipUrl }, { ...options, onText: receive, onLocation }, closing.signal);
      given?.removeEventListener("abort", end);
      link = { ...opened, close: end, signal: closing.signal };
    } catch (error) {
      end();
      throw error;
    }
    link.events.send(again ? hello(lastSeq, scores.upTo) : hello());
    heard = performance.now();
    watch(link, {
      quietFor: () => performance.now() - heard,
      lostMs: resumes ? LOST_MS : Infinity,
      onStatus: (status) => !ended && (status === "lost" ? lose() : onStatus(status)),
    });
  }

  /** The connection is lost: make another one, as long as that is of any use. */
  async function lose() {
    link.close();
    link = null;
    if (!resumes) return onStatus("lost");
    onStatus("reconnecting");
    if (!(await reconnected()) && !own.signal.aborted && !ended) onStatus("lost");
  }

  async function reconnected() {
    const until = performance.now() + GIVE_UP_MS;
    for (let tries = 0; performance.now() < until && !own.signal.aborted; tries += 1) {
      const waking = wakening(own.signal);
      const trial = new AbortController();
      const timer = setTimeout(() => trial.abort(), TRY_MS);
      waking.woken.then(() => trial.abort());
      const asking = new AbortController();
      const overtaken = movedMeanwhile(trial, asking.signal);
      try {
        await open(true, trial.signal);
        if (track !== null) await sendTrack();
        waking.stop();
        return true;
      } catch (error) {
        link?.close();
        link = null;
        if (own.signal.aborted) return false;
        if (error instanceof ApiError && error.status === ELSEWHERE) {
          ended = true;
          onMessage({ type: "ended", reason: "taken_over", summary: null });
          return false;
        }
        asking.abort();
        if ((await overtaken) || (await moved())) {
          waking.stop();
          continue;
        }
        if (error instanceof ApiError && FINAL.includes(error.status) && !(await renewed(error))) return false;
      } finally {
        clearTimeout(timer);
        asking.abort();
      }
      const ms = Math.min(AGAIN_MS * LONGER ** tries, LONGEST_AGAIN_MS) * (0.75 + Math.random() / 2);
      await Promise.race([pause(ms, own.signal).catch(() => {}), waking.woken]);
      waking.stop();
    }
    return false;
  }

  /** Whether others say, while an offer is not answered, that the session is elsewhere; then the `trial` is over. */
  async function movedMeanwhile(trial, signal) {
    try {
      await pause(ASK_MS, signal);
    } catch {
      return false;
    }
    if (!(await moved())) return false;
    trial.abort();
    return true;
  }

  /** Whether the session is on another node now. All are asked at once: which of them are gone is not known. */
  async function moved() {
    if (nodes.length === 0) return false;
    const patience = AbortSignal.any([own.signal, AbortSignal.timeout(ANSWER_MS)]);
    const origins = ["", ...nodes];
    try {
      const found = await Promise.any(origins.map((origin) => whereIsSession(origin, offered.id, token, patience)));
      const elsewhere = new URL(found, document.baseURI).href !== new URL(whipUrl, document.baseURI).href;
      if (elsewhere) whipUrl = found;
      return elsewhere;
    } catch {
      return false;
    }
  }

  /** Whether there is another token, where the last one has run out meanwhile. */
  async function renewed(error) {
    if (error.status !== 401) return false;
    try {
      ({ token } = await renewSessionToken(offered.id, own.signal));
      return true;
    } catch (failure) {
      return !(failure instanceof ApiError); // a dead line says nothing about the session
    }
  }

  async function sendTrack() {
    await link.sender.replaceTrack(track);
    await keepPace(link.sender);
  }

  try {
    await open(false, null);
  } catch (error) {
    endOnServer();
    close();
    throw error;
  }
  const renewToken = async () => {
    if (!resumes && !isOpen()) return null;
    const next = await renewSessionToken(offered.id, own.signal);
    token = next.token;
    if (isOpen()) link.events.send(renew(token));
    return next.expires_in;
  };
  keepRenewed(offered.expires_in, renewToken, own.signal);

  let played = false; // as the server knows it
  return {
    async send(next) {
      if (next !== null) next.contentHint = "motion";
      track = next;
      if (link !== null) await sendTrack();
    },
    tellClock(referenceS, rate) {
      const plays = referenceS !== null;
      if (!isOpen() || (!plays && !played)) return;
      link.events.send(clock(referenceS, rate));
      played = plays;
    },
    /** Take the session back from another window, because the person wants that. */
    async takeBack() {
      link?.close();
      link = null;
      ended = false;
      try {
        await open(true, null, "*");
      } catch (error) {
        ended = true;
        throw error;
      }
      if (track !== null) await sendTrack();
    },
    async leave() {
      const away = !isOpen();
      if (!own.signal.aborted && !ended && !away) {
        link.events.send(bye());
        await Promise.race([endedMessage, pause(GOODBYE_MS, own.signal).catch(() => {})]);
      }
      // The line may be dead. Where an answer was lost with it, the server knows the connection by another name.
      const told = resumes && away && !ended ? deleteSession(offered.id).catch(() => {}) : endOnServer();
      await Promise.race([told, pause(GOODBYE_MS, own.signal).catch(() => {})]);
      close();
    },
  };
}

/** Tell how the connection is, whenever that changes, until its own end. */
function watch({ peer, events, signal }, { quietFor, lostMs, onStatus }) {
  let status = null;
  let id = 0;
  const tell = (next) => {
    if (next === status || status === "lost" || signal.aborted) return;
    status = next;
    onStatus(next);
  };
  const look = () => {
    if (["failed", "closed"].includes(peer.connectionState) || events.readyState === "closed" || quietFor() >= lostMs) {
      tell("lost");
    } else {
      tell(peer.connectionState === "connected" && quietFor() < WEAK_MS ? "good" : "weak");
    }
  };
  const beat = setInterval(() => {
    if (events.readyState === "open") events.send(ping((id += 1)));
    look();
  }, PING_MS);
  signal.addEventListener("abort", () => clearInterval(beat), { once: true });
  peer.addEventListener("connectionstatechange", look, { signal });
  events.addEventListener("close", look, { signal });
  look();
}

/** `{woken, stop()}`: `woken` resolves when the network may be back, or the page is looked at again. */
function wakening(signal) {
  const over = new AbortController();
  const until = AbortSignal.any([signal, over.signal]);
  const woken = new Promise((resolve) => {
    window.addEventListener("online", resolve, { signal: until });
    document.addEventListener("visibilitychange", () => !document.hidden && resolve(), { signal: until });
  });
  return { woken, stop: () => over.abort() };
}
