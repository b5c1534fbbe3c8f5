/** The clip of an exercise, and which part of it is trained with. */
import { getFrame } from "../api.js";
import { decimal, t } from "../i18n.js";
import { useMedia, useObjectUrl } from "../media.js";
import { BEFORE_END_S, playPart } from "../playback.js";
import { html, useEffect, useRef, useState } from "../preact.js";
import { canTrim, endHere, moveEnd, moveStart, startHere, wholeClip } from "../trim.js";
import { Icon } from "./icons.js";
import { Notice } from "./notice.js";
import { PlayButton } from "./play-button.js";
import { TrimBar } from "./trim-bar.js";

/** As fast as a picture can be asked for while something is dragged. */
const PICTURE_MS = 150;

/** `onPart` gets the part that somebody chooses. */
export function TrimEditor({ exercise, part, mirrored, onPart }) {
  const { url, error } = useMedia(exercise.clip_url);
  const [video, setVideo] = useState(null);
  const [unplayable, setUnplayable] = useState(false);
  const [upright, setUpright] = useState(false);
  const [atS, setAtS] = useState(part.startS);
  const [said, setSaid] = useState("");
  const now = useRef(null);
  now.current = { part, atS };
  const clipS = exercise.clip_duration_s;

  useEffect(() => {
    if (video === null) return undefined;
    const ending = new AbortController();
    video.currentTime = now.current.atS; // somebody may have chosen a place before there was a video
    playPart(video, () => now.current.part, ending.signal);
    const look = () => video.seeking || setAtS(video.currentTime);
    for (const change of ["timeupdate", "seeked"]) video.addEventListener(change, look, { signal: ending.signal });
    return () => ending.abort();
  }, [video]);

  const show = (wantedS) => {
    const shownS = Math.max(0, Math.min(clipS, wantedS));
    setAtS(shownS);
    if (video === null) return;
    video.pause();
    video.currentTime = shownS;
  };
  const choose = (next, showS) => {
    onPart(next);
    show(showS);
    setSaid("");
  };
  const chooseStart = (next) => choose(next, next.startS);
  const chooseEnd = (next) => choose(next, Math.max(next.startS, next.endS - BEFORE_END_S));
  const says = (next) => t("trim.said", { start: seconds(next.startS), end: seconds(next.endS) });
  const here = (next) => {
    onPart(next);
    setSaid(says(next));
  };

  return html`<div class="trim">
    <div class=${upright ? "tile reference upright" : "tile reference"}>
      ${url !== null &&
      !unplayable &&
      html`<video
        ref=${setVideo}
        class=${mirrored ? "mirrored" : undefined}
        src=${url}
        muted
        playsinline
        onLoadedMetadata=${({ currentTarget }) => setUpright(currentTarget.videoHeight > currentTarget.videoWidth)}
        onError=${() => setUnplayable(true)}
        aria-label=${t("reference.label", { name: exercise.name })}
      ></video>`}
      ${unplayable && html`<${Picture} exercise=${exercise} atS=${atS} mirrored=${mirrored} />`}
      ${error !== null && html`<div class="tile-cover"><${Notice} text=${error.message} /></div>`}
      ${video !== null && !unplayable && html`<${PlayButton} video=${video} />`}
    </div>
    ${canTrim(clipS)
      ? html`<${TrimBar}
            exercise=${exercise}
            clipS=${clipS}
            part=${part}
            atS=${atS}
            mirrored=${mirrored}
            onStart=${(toS) => chooseStart(moveStart(part, toS))}
            onEnd=${(toS) => chooseEnd(moveEnd(part, toS, clipS))}
            onSeek=${show}
          />
          <p class="trim-facts number">
            <span>${t("trim.from", { seconds: seconds(part.startS) })}</span>
            <strong>${t("trim.long", { seconds: seconds(part.endS - part.startS) })}</strong>
            <span>${t("trim.to", { seconds: seconds(part.endS) })}</span>
          </p>
          <div class="trim-buttons">
            <button type="button" class="button small" onClick=${() => here(startHere(part, atS, clipS))}>
              <${Icon} name="start" />${t("trim.start_here")}
            </button>
            <button type="button" class="button small" onClick=${() => here(endHere(part, atS, clipS))}>
              <${Icon} name="end" />${t("trim.end_here")}
            </button>
            <button
              type="button"
              class="button small quiet"
              disabled=${part.startS === 0 && part.endS === clipS}
              onClick=${() => here(wholeClip(clipS))}
            >
              ${t("trim.whole")}
            </button>
          </div>
          <p class="visually-hidden" role="status">${said}</p>`
      : html`<p class="muted">${t("trim.too_short")}</p>`}
  </div>`;
}

const seconds = (value) => decimal(value, 1);

/** What the clip shows at a time, by the server: for a browser that can't play it. */
function Picture({ exercise, atS, mirrored }) {
  const [picture, setPicture] = useState(null);
  const url = useObjectUrl(picture);
  useEffect(() => {
    const leaving = new AbortController();
    const timer = setTimeout(() => {
      getFrame(exercise.id, atS, leaving.signal).then(
        (found) => leaving.signal.aborted || setPicture(found),
        () => {}, // another one is asked for as soon as something moves
      );
    }, PICTURE_MS);
    return () => {
      clearTimeout(timer);
      leaving.abort();
    };
  }, [exercise.id, atS]);
  return html`${url && html`<img src=${url} class=${mirrored ? "mirrored" : undefined} alt="" />`}
    <p class="tile-hint">${t("trim.unplayable")}</p>`;
}
