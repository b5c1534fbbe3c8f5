/** Asks what a video is that somebody adds. */
import { targetOf } from "../exercise-draft.js";
import { t } from "../i18n.js";
import { html, useState } from "../preact.js";
import { fileSize, nameFromFile } from "../words.js";
import { Dialog } from "./dialog.js";
import { AimFields, NameField } from "./exercise-fields.js";

/** `more` is how many others wait. `onAdd` gets `{name, kind, target}`. */
export function AddExercise({ file, more, onAdd, onCancel }) {
  // Kept here: the library is drawn anew while somebody types, and would put the first values back.
  const [name, setName] = useState(() => nameFromFile(file.name));
  const [kind, setKind] = useState("repetitions");
  const [target, setTarget] = useState("");
  const submit = (event) => {
    event.preventDefault();
    onAdd({ name: name.trim(), kind, target: targetOf(target) });
  };
  const about = t("library.name.file", { name: file.name, size: fileSize(file.size) });
  return html`<${Dialog} title=${t("library.name.title")} onClose=${onCancel}>
    <form class="form" onSubmit=${submit}>
      <${NameField}
        value=${name}
        onName=${setName}
        hint=${more > 0 ? t("library.name.more", { about, count: more }) : about}
        autofocus
        onFocus=${({ currentTarget }) => currentTarget.select()}
      />
      <${AimFields} kind=${kind} target=${target} onKind=${setKind} onTarget=${setTarget} />
      <div class="actions">
        <button type="button" class="button quiet" onClick=${onCancel}>${t("action.cancel")}</button>
        <button class="button primary">${t("library.name.submit")}</button>
      </div>
    </form>
  <//>`;
}
