/** The reference clip, looping and without sound. */
import { useMedia } from "../media.js";
import { html, useState } from "../preact.js";
import { Notice } from "./notice.js";

/** `onVideo`, when given, gets the video as soon as there is one, and null when it goes. */
export function ReferenceView({ exercise, onVideo = null, children }) {
  const { url, error } = useMedia(exercise?.clip_url ?? null);
  const [unplayable, setUnplayable] = useState(false);
  return html`<div class="tile reference">
    ${url !== null &&
    html`<video
      ref=${onVideo}
      src=${url}
      autoplay
      loop
      muted
      playsinline
      onError=${() => setUnplayable(true)}
      aria-label=${`Reference: ${exercise.name}`}
    ></video>`}
    ${error !== null && html`<div class="tile-cover"><${Notice} text=${error.message} /></div>`}
    ${unplayable &&
    html`<div class="tile-cover">
      <${Notice} text="This browser can’t show this clip. You can train with it all the same, or add it as MP4." />
    </div>`}
    ${children}
  </div>`;
}
