/** One exercise: what it is, which part of its clip it plays, and who may train with it. */
import { Confirm, Dialog } from "../components/dialog.js";
import { AimFields, MirroredField, NameField } from "../components/exercise-fields.js";
import { Icon } from "../components/icons.js";
import { Notice } from "../components/notice.js";
import { Page, PageHead, Waiting } from "../components/page.js";
import { Progress } from "../components/progress.js";
import { ReferenceView } from "../components/reference-view.js";
import { TrimEditor } from "../components/trim-editor.js";
import { changesOf, draftOf, isChanged } from "../exercise-draft.js";
import { VISIBILITIES, aimWords, failureWords } from "../exercise-words.js";
import { t } from "../i18n.js";
import { useLoaded } from "../loading.js";
import { html, useId, useState } from "../preact.js";
import { address } from "../routes.js";
import { useUnsaved } from "../unsaved.js";
import { duration } from "../words.js";

const LONGEST_DESCRIPTION = 2000;

const back = () => ({ href: address("library"), text: t("view.library") });

export function Exercise({ id, library, me }) {
  const { error, reload } = useLoaded((signal) => library.load(id, signal), [id]);
  const exercise = library.exercises?.find((each) => each.id === id) ?? null;
  if (exercise === null) {
    return html`<${Page}>
      <${PageHead} title=${t("view.exercise")} back=${back()} />
      ${error === null
        ? html`<${Waiting} text=${t("page.wait")} />`
        : html`<${Notice} text=${error} action=${t("action.try_again")} onAction=${reload} />`}
    <//>`;
  }
  return exercise.mine
    ? html`<${Edit} exercise=${exercise} library=${library} me=${me} />`
    : html`<${Look} exercise=${exercise} />`;
}

/** Somebody else's, which one may train with. */
function Look({ exercise }) {
  const { id, name, owner, description } = exercise;
  return html`<${Page} kind="page exercise-page">
    <${PageHead} title=${name} says=${t("library.from", { name: owner.name })} back=${back()}>
      <${TryIt} id=${id} ready=${exercise.state === "ready"} />
    <//>
    <div class="exercise-columns">
      <${ReferenceView} exercise=${exercise} />
      <section class="panel exercise-about" aria-label=${t("exercise.about")}>
        <p>
          <strong>${aimWords(exercise)}</strong>
          ${exercise.duration_s !== null && html`<br /><span class="muted">${t("library.clip", { time: duration(exercise.duration_s) })}</span>`}
        </p>
        ${description !== "" && html`<p class="exercise-description">${description}</p>`}
      </section>
    </div>
  <//>`;
}

/** To a session with it, as those who train with it find it. */
const TryIt = ({ id, ready }) =>
  ready
    ? html`<a class="button primary" href=${address("session", { id })}><${Icon} name="play" />${t("exercise.try")}</a>`
    : html`<button class="button primary" disabled><${Icon} name="play" />${t("exercise.try")}</button>`;

function Edit({ exercise, library, me }) {
  const [draft, setDraft] = useState(() => draftOf(exercise));
  const [saving, setSaving] = useState(false);
  const [error, setError] = useState(null);
  const [saved, setSaved] = useState(false);
  const [deleting, setDeleting] = useState(false);
  const form = useId();
  const changed = isChanged(draft, exercise);
  const { to, stay, leave } = useUnsaved(changed && !deleting);
  const edit = (fields) => {
    setDraft((before) => ({ ...before, ...fields }));
    setSaved(false);
  };

  /** Whether it is saved; what is wrong is shown. */
  const save = async () => {
    const element = document.getElementById(form);
    if (!element.reportValidity()) return false;
    setSaving(true);
    setError(null);
    try {
      setDraft(draftOf(await library.change(exercise, changesOf(draft, exercise))));
      setSaved(true);
      return true;
    } catch (failure) {
      setError(failure.message);
      return false;
    } finally {
      setSaving(false);
    }
  };
  const saveAndLeave = async () => {
    stay();
    if (await save()) leave();
  };
  const remove = async () => {
    if (await library.remove(exercise)) window.location.hash = address("library");
    else setDeleting(false);
  };

  return html`<${Page} kind="page exercise-page">
    <${PageHead} title=${exercise.name} says=${t("exercise.says")} back=${back()}>
      <button class="button" onClick=${() => setDeleting(true)}><${Icon} name="trash" />${t("action.delete")}</button>
      <${TryIt} id=${exercise.id} ready=${exercise.state === "ready"} />
    <//>
    ${library.error !== null && html`<${Notice} text=${library.error} />`}
    ${exercise.state === "failed" && html`<${Notice} text=${failureWords(exercise)} />`}
    <div class="exercise-columns">
      <section aria-label=${t("exercise.clip")}>
        <${TrimEditor}
          exercise=${exercise}
          part=${draft.part}
          mirrored=${draft.mirrored}
          onPart=${(part) => edit({ part })}
        />
      </section>
      <form
        id=${form}
        class="panel form"
        onSubmit=${(event) => {
          event.preventDefault();
          save();
        }}
      >
        <${NameField} value=${draft.name} onName=${(name) => edit({ name })} />
        <${DescriptionField} value=${draft.description} onText=${(description) => edit({ description })} />
        <${AimFields}
          kind=${draft.kind}
          target=${draft.target}
          onKind=${(kind) => edit({ kind })}
          onTarget=${(target) => edit({ target })}
        />
        <${MirroredField} mirrored=${draft.mirrored} onMirrored=${(mirrored) => edit({ mirrored })} />
        ${me.role !== "member" &&
        html`<${VisibilityField} value=${draft.visibility} onVisibility=${(visibility) => edit({ visibility })} />`}
      </form>
    </div>
    <p class="visually-hidden" role="status">${saved && !changed ? t("exercise.saved") : ""}</p>
    ${(changed || error !== null) &&
    html`<section class="exercise-bar" aria-label=${t("exercise.unsaved")}>
      ${error === null ? html`<p>${t("exercise.unsaved")}</p>` : html`<${Notice} text=${error} />`}
      <div class="actions">
        <button
          class="button quiet"
          disabled=${saving}
          onClick=${() => {
            setDraft(draftOf(exercise));
            setError(null);
          }}
        >
          ${t("exercise.discard")}
        </button>
        <button class="button primary" form=${form} disabled=${saving}>${t("exercise.save")}</button>
      </div>
    </section>`}
    ${!changed &&
    error === null &&
    exercise.state === "embedding" &&
    html`<section class="exercise-bar" aria-label=${t("library.preparing")}>
      <${Progress} label=${t("exercise.preparing")} share=${exercise.progress} />
    </section>`}
    ${to !== null &&
    html`<${Dialog} title=${t("exercise.leave_title")} onClose=${stay}>
      <p>${t("exercise.leave_text")}</p>
      <div class="actions">
        <button class="button quiet" onClick=${stay}>${t("exercise.leave_stay")}</button>
        <button class="button" onClick=${() => leave()}>${t("exercise.discard")}</button>
        <button class="button primary" onClick=${saveAndLeave} autofocus>${t("exercise.save")}</button>
      </div>
    <//>`}
    ${deleting &&
    html`<${Confirm}
      title=${t("library.delete_title", { name: exercise.name })}
      text=${t("library.delete_text")}
      action=${t("action.delete")}
      onConfirm=${remove}
      onClose=${() => setDeleting(false)}
    />`}
  <//>`;
}

function DescriptionField({ value, onText }) {
  const id = useId();
  return html`<div class="field">
    <label for=${id}>${t("exercise.description")}</label>
    <textarea
      id=${id}
      name="description"
      maxlength=${LONGEST_DESCRIPTION}
      rows="4"
      aria-describedby=${`${id}-hint`}
      value=${value}
      onInput=${({ currentTarget }) => onText(currentTarget.value)}
    ></textarea>
    <small id=${`${id}-hint`} class="muted">${t("exercise.description_hint")}</small>
  </div>`;
}

function VisibilityField({ value, onVisibility }) {
  const id = useId();
  return html`<fieldset class="field">
    <legend class="field-legend">${t("visibility.legend")}</legend>
    ${VISIBILITIES.map(
      ({ key, name, says }) => html`<label class="check explained" key=${key}>
        <input type="radio" name=${id} checked=${value === key} onChange=${() => onVisibility(key)} />
        <span>${t(name)} <small class="muted">${t(says)}</small></span>
      </label>`,
    )}
  </fieldset>`;
}
