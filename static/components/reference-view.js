/** The reference, looping and without sound; it can be stopped, and waits where motion is not wanted. */
import { t } from "../i18n.js";
import { useMedia } from "../media.js";
import { playPart } from "../playback.js";
import { html, useCallback, useEffect, useState } from "../preact.js";
import { partOf } from "../trim.js";
import { Notice } from "./notice.js";
import { PlayButton } from "./play-button.js";

const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

/**
 * The part of the clip that is trained with, as its mirror image where that is wanted.
 *
 * `onVideo`, when given, gets the video as soon as there is one, and null when it goes. `plays`: it starts by itself
 * also where motion is not wanted, because somebody asked for it.
 */
export function ReferenceView({ exercise, plays = false, onVideo = null, children }) {
  const { url, error } = useMedia(exercise?.clip_url ?? null);
  const [unplayable, setUnplayable] = useState(false);
  const [video, setVideo] = useState(null);
  const hold = useCallback((element) => {
    setVideo(element);
    onVideo?.(element);
  }, []);
  usePart(video, exercise);
  return html`<div class="tile reference">
    ${url !== null &&
    html`<video
      ref=${hold}
      class=${exercise.mirrored ? "mirrored" : undefined}
      src=${url}
      autoplay=${plays || !still()}
      loop=${exercise.start_s === null && exercise.end_s === null}
      muted
      playsinline
      onError=${() => setUnplayable(true)}
      aria-label=${t("reference.label", { name: exercise.name })}
    ></video>`}
    ${error !== null && html`<div class="tile-cover"><${Notice} text=${error.message} /></div>`}
    ${unplayable &&
    html`<div class="tile-cover">
      <${Notice} text=${t("reference.unplayable")} />
    </div>`}
    ${children} ${video !== null && !unplayable && html`<${PlayButton} video=${video} />`}
  </div>`;
}

function usePart(video, exercise) {
  const { start_s: startS = null, end_s: endS = null } = exercise ?? {};
  useEffect(() => {
    if (video === null || (startS === null && endS === null)) return undefined; // the browser repeats a whole clip
    const ending = new AbortController();
    playPart(video, () => partOf({ start_s: startS, end_s: endS }), ending.signal);
    return () => ending.abort();
  }, [video, startS, endS]);
}
