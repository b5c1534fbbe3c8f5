/** The exercises that one may train with: choose one, add one. */
import { AddExercise } from "../components/add-exercise.js";
import { Confirm } from "../components/dialog.js";
import { ExerciseCard, UploadCard } from "../components/exercise-card.js";
import { Figures } from "../components/figures.js";
import { Icon } from "../components/icons.js";
import { Notice } from "../components/notice.js";
import { Page, PageHead } from "../components/page.js";
import { useConsent } from "../consent.js";
import { matching } from "../exercise-search.js";
import { useFileDrop } from "../file-drop.js";
import { t } from "../i18n.js";
import { useToday } from "../plan.js";
import { html, useEffect, useId, useRef, useState } from "../preact.js";
import { address } from "../routes.js";

/** More than these are not overlooked at a glance. */
const FEW = 8;

export function Library({ library }) {
  const [chosen, setChosen] = useState([]); // files that wait for a name
  const [deleting, setDeleting] = useState(null);
  const [wanted, setWanted] = useState("");
  const [failure, setFailure] = useState(null);
  const [ask, question] = useConsent();
  const picker = useRef(null);
  const today = useToday();
  useEffect(() => void library.reload(), []);

  const choose = async (files) => {
    setFailure(null);
    try {
      if (await ask("recording")) setChosen((waiting) => [...waiting, ...files]);
    } catch (error) {
      setFailure(error.message);
    }
  };
  const [dragging, drop] = useFileDrop(choose);
  const pick = () => picker.current.click();
  const next = () => setChosen((waiting) => waiting.slice(1));

  const { exercises, uploads, error } = library;
  const empty = exercises?.length === 0 && uploads.length === 0;
  const many = exercises?.length > FEW;
  const found = many ? matching(exercises, wanted) : (exercises ?? []);
  const planned = new Set(
    (today.value?.items ?? []).filter(({ completed }) => !completed).map(({ assignment }) => assignment.exercise.id),
  );
  const card = (exercise) =>
    html`<${ExerciseCard}
      key=${exercise.id}
      exercise=${exercise}
      planned=${planned.has(exercise.id)}
      onRetry=${library.canRetry(exercise.id) ? () => library.retry(exercise.id) : null}
      onDelete=${() => setDeleting(exercise)}
    />`;
  const own = found.filter(({ mine }) => mine);
  const shared = found.filter(({ mine }) => !mine);
  const both = exercises?.some(({ mine }) => mine) && exercises.some(({ mine }) => !mine);
  return html`<${Page} kind=${dragging ? "page dragging" : "page"} ...${drop}>
    <input
      ref=${picker}
      type="file"
      accept="video/*"
      multiple
      hidden
      onChange=${({ currentTarget }) => {
        choose([...currentTarget.files]);
        currentTarget.value = ""; // the same file may be chosen again
      }}
    />
    ${empty
      ? html`<${Empty} onPick=${pick} />`
      : html`<${PageHead} title=${t("library.title")} says=${t("library.says")}>
          <button class="button" onClick=${pick}><${Icon} name="upload" />${t("library.add")}</button>
          <a class="button primary" href=${address("record")}><${Icon} name="camera" />${t("library.record")}</a>
        <//>`}
    ${failure !== null && html`<${Notice} text=${failure} />`}
    ${error !== null && html`<${Notice} text=${error} action=${t("action.try_again")} onAction=${library.reload} />`}
    ${exercises === null && error === null && html`<${Skeletons} />`}
    ${many && html`<${Search} text=${wanted} onText=${setWanted} found=${found.length} all=${exercises.length} />`}
    ${(own.length > 0 || uploads.length > 0) &&
    html`<${Cards} title=${t("library.own")} hidden=${!both}>
      ${uploads.map(
        (upload) =>
          html`<${UploadCard}
            key=${upload.key}
            upload=${upload}
            onRetry=${() => library.retry(upload.key)}
            onRemove=${() => library.dismiss(upload.key)}
          />`,
      )}
      ${own.map(card)}
    <//>`}
    ${shared.length > 0 && html`<${Cards} title=${t("library.shared")}>${shared.map(card)}<//>`}
    ${dragging && html`<div class="drop-hint"><${Icon} name="upload" />${t("library.drop")}</div>`}
    ${chosen.length > 0 &&
    html`<${AddExercise}
      key=${chosen[0].name + chosen.length}
      file=${chosen[0]}
      more=${chosen.length - 1}
      onCancel=${next}
      onAdd=${(about) => {
        library.upload(about, chosen[0], chosen[0].name);
        next();
      }}
    />`}
    ${deleting !== null &&
    html`<${Confirm}
      title=${t("library.delete_title", { name: deleting.name })}
      text=${t("library.delete_text")}
      action=${t("action.delete")}
      onConfirm=${() => {
        library.remove(deleting);
        setDeleting(null);
      }}
      onClose=${() => setDeleting(null)}
    />`}
    ${question}
  <//>`;
}

/** A group of cards; its title is only seen where there is another group. */
function Cards({ title, hidden = false, children }) {
  const id = useId();
  return html`<section aria-labelledby=${id}>
    <h2 id=${id} class=${hidden ? "visually-hidden" : "cards-title"}>${title}</h2>
    <ul class="cards">
      ${children}
    </ul>
  </section>`;
}

function Search({ text, onText, found, all }) {
  const id = useId();
  return html`<search class="library-search">
    <label for=${id}><${Icon} name="search" />${t("library.search")}</label>
    <input
      id=${id}
      type="search"
      autocomplete="off"
      value=${text}
      onInput=${({ currentTarget }) => onText(currentTarget.value)}
    />
    <p class="muted" role="status">${text.trim() === "" ? "" : t("library.found", { count: all, found })}</p>
  </search>`;
}

function Empty({ onPick }) {
  return html`<section class="empty">
    <${Figures} />
    <h1>${t("library.empty.title")}</h1>
    <p>${t("library.empty.text")}</p>
    <div class="actions">
      <a class="button primary" href=${address("record")}><${Icon} name="camera" />${t("library.empty.record")}</a>
      <button class="button" onClick=${onPick}><${Icon} name="upload" />${t("library.empty.pick")}</button>
    </div>
    <p class="muted only-wide">${t("library.empty.drop")}</p>
  </section>`;
}

function Skeletons() {
  return html`<ul class="cards" aria-label=${t("library.loading")}>
    ${[0, 1, 2].map((key) => html`<li class="card skeleton" key=${key}><div class="thumbnail"></div></li>`)}
  </ul>`;
}
