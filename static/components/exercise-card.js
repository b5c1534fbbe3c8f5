/** An exercise as a card, and one that is still being sent. */
import { aimWords, failureWords, visibilityWords } from "../exercise-words.js";
import { t } from "../i18n.js";
import { pictureOf } from "../library.js";
import { useMedia } from "../media.js";
import { html, useState } from "../preact.js";
import { address } from "../routes.js";
import { duration } from "../words.js";
import { Icon } from "./icons.js";
import { Notice } from "./notice.js";
import { Progress } from "./progress.js";

/** The picture at `path`; a drawing while there is none. */
export function Thumbnail({ path, mirrored = false }) {
  const { url } = useMedia(path);
  const [tall, setTall] = useState(false); // an upright picture cut to a wide one would lose the person
  const measure = ({ currentTarget: image }) => setTall(image.naturalHeight > image.naturalWidth);
  return html`<div class="thumbnail">
    ${url === null
      ? html`<${Icon} name="person" />`
      : html`<img
          src=${url}
          class=${`${tall ? "tall" : ""} ${mirrored ? "turned" : ""}`}
          onLoad=${measure}
          alt=""
        />`}
  </div>`;
}

/** `planned`: it is in the day's plan and not done yet. Of others' exercises there is nothing to edit or delete. */
export function ExerciseCard({ exercise, planned = false, onRetry = null, onDelete = null }) {
  const { id, name, state, mine } = exercise;
  const ready = state === "ready";
  return html`<li class=${`card ${state}`}>
    <${Thumbnail} path=${state === "failed" ? null : pictureOf(exercise)} mirrored=${exercise.mirrored} />
    ${planned && html`<p class="card-mark"><${Icon} name="today" />${t("library.planned")}</p>`}
    <div class="card-text">
      <h3>${ready ? html`<a class="card-link" href=${address("session", { id })}>${name}</a>` : name}</h3>
      ${ready &&
      html`<p class="card-facts muted">
        <span>${aimWords(exercise)}</span>
        ${exercise.duration_s !== null && html`<span>${t("library.clip", { time: duration(exercise.duration_s) })}</span>`}
      </p>`}
      ${ready && exercise.description !== "" && html`<p class="card-description">${exercise.description}</p>`}
      ${state === "embedding" && html`<${Progress} label=${t("library.preparing")} share=${exercise.progress} />`}
      ${state === "failed" &&
      html`<${Notice}
        text=${failureWords(exercise)}
        action=${onRetry ? t("action.try_again") : null}
        onAction=${onRetry}
      />`}
      <${Sharing} exercise=${exercise} />
    </div>
    ${mine &&
    html`<div class="card-buttons">
      <a
        class="icon-button"
        href=${address("exercise", { id })}
        aria-label=${t("library.edit_one", { name })}
        title=${t("library.edit")}
      >
        <${Icon} name="edit" />
      </a>
      ${onDelete !== null &&
      html`<button class="icon-button" onClick=${onDelete} aria-label=${t("library.delete_one", { name })} title=${t("action.delete")}>
        <${Icon} name="trash" />
      </button>`}
    </div>`}
  </li>`;
}

/** From whom it is, or who else sees it; nothing of one's own that nobody else does. */
function Sharing({ exercise: { mine, owner, visibility } }) {
  if (mine && visibility === "private") return null;
  return html`<p class="card-sharing muted">
    <${Icon} name=${mine ? "members" : "account"} />
    ${mine ? visibilityWords(visibility) : t("library.from", { name: owner.name })}
  </p>`;
}

/** `onRemove` cancels it, or takes it away when it has failed. */
export function UploadCard({ upload, onRetry, onRemove }) {
  const { name, share, error } = upload;
  return html`<li class="card uploading">
    <${Thumbnail} path=${null} />
    <div class="card-text">
      <h3>${name}</h3>
      ${error === null
        ? html`<${Progress} label=${t("library.uploading")} share=${share} />
            <div>
              <button class="button small" aria-label=${t("library.cancel_one", { name })} onClick=${onRemove}>
                ${t("action.cancel")}
              </button>
            </div>`
        : html`<${Notice} text=${error} action=${t("action.try_again")} onAction=${onRetry} />`}
    </div>
    ${error !== null &&
    html`<div class="card-buttons">
      <button class="icon-button" onClick=${onRemove} aria-label=${t("library.remove_one", { name })} title=${t("library.remove")}>
        <${Icon} name="trash" />
      </button>
    </div>`}
  </li>`;
}
