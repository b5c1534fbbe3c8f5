/** Stops and goes on with a video: what moves by itself can be stopped. */
import { t } from "../i18n.js";
import { html, useEffect, useState } from "../preact.js";
import { Icon } from "./icons.js";

export function PlayButton({ video }) {
  const [paused, setPaused] = useState(false);
  useEffect(() => {
    const ending = new AbortController();
    const look = () => setPaused(video.paused);
    for (const change of ["play", "pause"]) video.addEventListener(change, look, { signal: ending.signal });
    look();
    return () => ending.abort();
  }, [video]);
  const toggle = () => (video.paused ? video.play().catch(() => {}) : video.pause());
  const words = t(paused ? "reference.play" : "reference.pause");
  return html`<button class="icon-button tile-button" aria-label=${words} title=${words} onClick=${toggle}>
    <${Icon} name=${paused ? "play" : "pause"} />
  </button>`;
}
