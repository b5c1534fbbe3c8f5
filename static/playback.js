/** Where the reference video is, told as it plays. */

/** Against drift. */
const TELL_EVERY_MS = 1_000;

/** The fastest that the server takes; browsers play up to 16 times. */
const FASTEST = 4;

/** `readyState` of a video: it knows its length; it has more than the picture it shows. */
const [HAVE_METADATA, HAVE_FUTURE_DATA] = [1, 3];

const CHANGES = ["play", "playing", "pause", "waiting", "seeked", "ratechange", "ended"];

function rate(video) {
  const moves = !video.paused && !video.ended && !video.seeking && video.readyState >= HAVE_FUTURE_DATA;
  return moves ? Math.min(FASTEST, video.playbackRate) : 0;
}

/**
 * Call `tell(seconds, rate)` whenever `video` starts, pauses, jumps (also back to its begin) or changes its speed, and
 * once a second, until `signal` aborts. `rate` is 0 while it stands.
 */
export function watchPlayback(video, tell, signal) {
  const look = () => video.readyState >= HAVE_METADATA && tell(video.currentTime, rate(video));
  for (const change of CHANGES) video.addEventListener(change, look, { signal });
  const beat = setInterval(look, TELL_EVERY_MS);
  signal.addEventListener("abort", () => clearInterval(beat), { once: true });
  look();
}
