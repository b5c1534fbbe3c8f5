/** The references: choose one, add one. */
import { Confirm, Dialog } from "../components/dialog.js";
import { Figures } from "../components/figures.js";
import { Icon } from "../components/icons.js";
import { Notice } from "../components/notice.js";
import { Progress } from "../components/progress.js";
import { useMedia } from "../media.js";
import { html, useEffect, useId, useRef, useState } from "../preact.js";
import { RECORD, exerciseAddress } from "../routes.js";
import { duration, fileSize, nameFromFile } from "../words.js";

export function Library({ library }) {
  const [chosen, setChosen] = useState([]); // files that wait for a name
  const [deleting, setDeleting] = useState(null);
  const [dragging, setDragging] = useState(false);
  const picker = useRef(null);
  useEffect(() => void library.reload(), []);

  const choose = (files) => setChosen((waiting) => [...waiting, ...files]);
  const pick = () => picker.current.click();
  const drop = (event) => {
    event.preventDefault();
    setDragging(false);
    choose(event.dataTransfer.files);
  };
  const drag = (event) => {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    setDragging(true);
  };
  const leave = (event) => {
    if (!event.currentTarget.contains(event.relatedTarget)) setDragging(false);
  };

  const { exercises, uploads, error } = library;
  const empty = exercises?.length === 0 && uploads.length === 0;
  return html`<main
    class=${dragging ? "page dragging" : "page"}
    onDragOver=${drag}
    onDragLeave=${leave}
    onDrop=${drop}
  >
    <input
      ref=${picker}
      type="file"
      accept="video/*"
      multiple
      hidden
      onChange=${({ currentTarget }) => {
        choose(currentTarget.files);
        currentTarget.value = ""; // the same file may be chosen again
      }}
    />
    ${empty
      ? html`<${Empty} onPick=${pick} />`
      : html`<div class="page-head">
          <div>
            <h1>Your references</h1>
            <p class="muted">Choose a movement to train with.</p>
          </div>
          <div class="actions">
            <button class="button" onClick=${pick}><${Icon} name="upload" />Add a video</button>
            <a class="button primary" href=${RECORD}><${Icon} name="camera" />Record</a>
          </div>
        </div>`}
    ${error !== null && html`<${Notice} text=${error} action="Try again" onAction=${library.reload} />`}
    ${exercises === null && error === null && html`<${Skeletons} />`}
    <ul class="cards">
      ${uploads.map(
        (upload) =>
          html`<${UploadCard}
            key=${upload.key}
            upload=${upload}
            onRetry=${() => library.retry(upload.key)}
            onDismiss=${() => library.dismiss(upload.key)}
          />`,
      )}
      ${(exercises ?? []).map(
        (exercise) =>
          html`<${ExerciseCard}
            key=${exercise.id}
            exercise=${exercise}
            onRetry=${library.canRetry(exercise.id) ? () => library.retry(exercise.id) : null}
            onDelete=${() => setDeleting(exercise)}
          />`,
      )}
    </ul>
    ${dragging && html`<div class="drop-hint"><${Icon} name="upload" />Drop the video to add it</div>`}
    ${chosen.length > 0 &&
    html`<${NameDialog}
      key=${chosen[0].name + chosen.length}
      file=${chosen[0]}
      onCancel=${() => setChosen(chosen.slice(1))}
      onName=${(name) => {
        library.upload(name, chosen[0], chosen[0].name);
        setChosen(chosen.slice(1));
      }}
    />`}
    ${deleting !== null &&
    html`<${Confirm}
      title=${`Delete “${deleting.name}”?`}
      text="The clip is removed for good. Sessions you trained with it stay in your history."
      action="Delete"
      onConfirm=${() => {
        library.remove(deleting);
        setDeleting(null);
      }}
      onClose=${() => setDeleting(null)}
    />`}
  </main>`;
}

function Empty({ onPick }) {
  return html`<section class="empty">
    <${Figures} />
    <h1>Add your first reference</h1>
    <p>
      A reference is a short clip of the movement you want to follow: yours, your trainer’s or your therapist’s. Three to
      twenty seconds are enough.
    </p>
    <div class="actions">
      <a class="button primary" href=${RECORD}><${Icon} name="camera" />Record with your camera</a>
      <button class="button" onClick=${onPick}><${Icon} name="upload" />Choose a video file</button>
    </div>
    <p class="muted only-wide">or drop a video file anywhere on this page</p>
  </section>`;
}

function Skeletons() {
  return html`<ul class="cards" aria-label="Loading your references">
    ${[0, 1, 2].map((key) => html`<li class="card skeleton" key=${key}><div class="thumbnail"></div></li>`)}
  </ul>`;
}

function Thumbnail({ path }) {
  const { url } = useMedia(path);
  const [tall, setTall] = useState(false); // an upright picture cut to a wide one would lose the person
  const measure = ({ currentTarget: image }) => setTall(image.naturalHeight > image.naturalWidth);
  return html`<div class="thumbnail">
    ${url === null
      ? html`<${Icon} name="person" />`
      : html`<img src=${url} class=${tall ? "tall" : undefined} onLoad=${measure} alt="" />`}
  </div>`;
}

function ExerciseCard({ exercise, onRetry, onDelete }) {
  const { name, state } = exercise;
  const ready = state === "ready";
  const clip = exercise.duration_s;
  return html`<li class=${`card ${state}`}>
    <${Thumbnail} path=${ready ? exercise.thumbnail_url : null} />
    <div class="card-text">
      <h2>
        ${ready ? html`<a class="card-link" href=${exerciseAddress(exercise.id)}>${name}</a>` : name}
      </h2>
      ${ready && html`<p class="muted">${clip === null ? "Ready" : duration(clip)}</p>`}
      ${state === "embedding" && html`<${Progress} label="Preparing" share=${exercise.progress} />`}
      ${state === "failed" &&
      html`<${Notice}
        text=${exercise.error ?? "This clip could not be prepared. Delete it and add it again."}
        action=${onRetry ? "Try again" : null}
        onAction=${onRetry}
      />`}
    </div>
    <button class="icon-button card-delete" onClick=${onDelete} aria-label=${`Delete ${name}`} title="Delete">
      <${Icon} name="trash" />
    </button>
  </li>`;
}

function UploadCard({ upload, onRetry, onDismiss }) {
  return html`<li class="card uploading">
    <${Thumbnail} path=${null} />
    <div class="card-text">
      <h2>${upload.name}</h2>
      ${upload.error === null
        ? html`<${Progress} label="Uploading" share=${upload.share} />`
        : html`<${Notice} text=${upload.error} action="Try again" onAction=${onRetry} />`}
    </div>
    ${upload.error !== null &&
    html`<button
      class="icon-button card-delete"
      onClick=${onDismiss}
      aria-label=${`Remove ${upload.name}`}
      title="Remove"
    >
      <${Icon} name="trash" />
    </button>`}
  </li>`;
}

function NameDialog({ file, onName, onCancel }) {
  const id = useId();
  // Kept here: the library is drawn anew while somebody types, and would put the first value back.
  const [name, setName] = useState(() => nameFromFile(file.name));
  const submit = (event) => {
    event.preventDefault();
    onName(name.trim());
  };
  return html`<${Dialog} title="Name your reference" onClose=${onCancel}>
    <form class="form" onSubmit=${submit}>
      <div class="field">
        <label for=${id}>Name</label>
        <input
          id=${id}
          name="name"
          maxlength="80"
          pattern=".*\\S.*"
          value=${name}
          onInput=${({ currentTarget }) => setName(currentTarget.value)}
          required
          autofocus
          onFocus=${({ currentTarget }) => currentTarget.select()}
        />
        <small class="muted">${file.name}, ${fileSize(file.size)}</small>
      </div>
      <div class="actions">
        <button type="button" class="button quiet" onClick=${onCancel}>Cancel</button>
        <button class="button primary">Add reference</button>
      </div>
    </form>
  <//>`;
}
