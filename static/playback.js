/** Plays the part of a clip that is the reference, and tells where it is. */

/** Against drift. */
const TELL_EVERY_MS = 1_000;

/** The fastest that the server takes; browsers play up to 16 times. */
const FASTEST = 4;

/** `readyState` of a video: it knows its length; it has more than the picture it shows. */
const [HAVE_METADATA, HAVE_FUTURE_DATA] = [1, 3];

const CHANGES = ["play", "playing", "pause", "waiting", "seeked", "ratechange", "ended"];

/** Half a frame: turning back after the last frame would show one that does not belong to the part. */
export const BEFORE_END_S = 0.02;

/** A video that was sent to a time stands at the frame there, which may have begun a little earlier. */
const BEFORE_START_S = 0.25;

function rate(video) {
  const moves = !video.paused && !video.ended && !video.seeking && video.readyState >= HAVE_FUTURE_DATA;
  return moves ? Math.min(FASTEST, video.playbackRate) : 0;
}

/**
 * Call `tell(seconds, rate)` whenever `video` starts, pauses, jumps (also back to its begin) or changes its speed, and
 * once a second, until `signal` aborts. Seconds count from `startS` of the clip, where the reference begins. `rate` is
 * 0 while it stands.
 */
export function watchPlayback(video, tell, signal, startS = 0) {
  const look = () =>
    video.readyState >= HAVE_METADATA && tell(Math.max(0, video.currentTime - startS), rate(video));
  for (const change of CHANGES) video.addEventListener(change, look, { signal });
  const beat = setInterval(look, TELL_EVERY_MS);
  signal.addEventListener("abort", () => clearInterval(beat), { once: true });
  look();
}

/**
 * Show the begin of a part of `video`, and whenever it plays keep to that part, again and again, until `signal` aborts.
 *
 * `part()` is `{startS, endS}` as it is at that moment; `endS` null: to the clip's end. A video that stands may be
 * anywhere, so that one can look around.
 */
export function playPart(video, part, signal) {
  const begin = () => {
    video.currentTime = part().startS;
  };
  const look = () => {
    if (video.paused || video.seeking) return;
    const { startS, endS } = part();
    const over = endS !== null && video.currentTime >= endS - BEFORE_END_S;
    if (over || video.currentTime < startS - BEFORE_START_S) begin();
  };
  const first = () => {
    if (video.currentTime === 0) begin(); // unless somebody has gone elsewhere already
  };
  const again = () => {
    begin();
    video.play().catch(() => {}); // it was taken off the page
  };
  // Told four times a second everywhere, and with each frame where the browser does that.
  for (const change of ["play", "seeked", "timeupdate"]) video.addEventListener(change, look, { signal });
  video.addEventListener("loadedmetadata", first, { signal });
  video.addEventListener("ended", again, { signal });
  if (video.requestVideoFrameCallback) {
    const eachFrame = () => {
      if (signal.aborted) return;
      look();
      video.requestVideoFrameCallback(eachFrame);
    };
    video.requestVideoFrameCallback(eachFrame);
  }
  if (video.readyState >= HAVE_METADATA) first();
}
