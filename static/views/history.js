/** The sessions so far, to look at, to take along and to bring from elsewhere. */
import { MOST_WEEKS, exportHistory, getProgress, importHistory } from "../api.js";
import { DownloadMenu } from "../components/download-menu.js";
import { ExerciseFilter } from "../components/exercise-filter.js";
import { Figures } from "../components/figures.js";
import { Icon } from "../components/icons.js";
import { Notice } from "../components/notice.js";
import { Page, PageHead, Waiting } from "../components/page.js";
import { SessionRows, useSessions } from "../components/session-rows.js";
import { t } from "../i18n.js";
import { useLoaded } from "../loading.js";
import { html, useRef, useState } from "../preact.js";
import { address } from "../routes.js";

const PAGE = 50;

export function History() {
  const [exercise, setExercise] = useState(null);
  const found = useSessions(null, exercise, PAGE);
  const trained = useLoaded((signal) => getProgress(null, MOST_WEEKS, null, signal));
  const [error, setError] = useState(null);
  const [imported, setImported] = useState(null);
  const take = async (file) => {
    setError(null);
    setImported(null);
    try {
      setImported(await importHistory(file));
      trained.reload();
      found.reload();
    } catch (failure) {
      setError(failure.message);
    }
  };

  const { sessions, error: failure } = found;
  const empty = sessions?.length === 0 && exercise === null;
  return html`<${Page}>
    ${empty
      ? html`<${Empty} onFile=${take} />`
      : html`<${PageHead} title=${t("history.title")} says=${t("history.says")}>
          <${ImportButton} onFile=${take} />
          <${DownloadMenu} text=${t("history.export")} files=${files()} onError=${setError} />
        <//>`}
    ${error !== null && html`<${Notice} text=${error} />`}
    <p role="status" class=${imported === null ? "visually-hidden" : "history-imported"}>
      ${imported !== null && html`<${Icon} name="good" />${importWords(imported)}`}
    </p>
    ${!empty &&
    trained.value !== null &&
    html`<${ExerciseFilter} exercises=${trained.value.exercises} chosen=${exercise} onChoose=${setExercise} />`}
    ${failure !== null && html`<${Notice} text=${failure} action=${t("action.try_again")} onAction=${found.reload} />`}
    ${sessions === null && failure === null && html`<${Waiting} text=${t("page.wait")} />`}
    ${sessions?.length === 0 && !empty && html`<p class="muted">${t("history.none_of_it")}</p>`}
    ${sessions?.length > 0 && html`<${SessionRows} ...${found} to=${({ id }) => address("summary", { id })} />`}
  <//>`;
}

const files = () => [historyFile("json", t("download.history_json")), historyFile("csv", t("download.history_csv"))];

const historyFile = (ending, text) => ({
  text,
  name: `posesim-history-${new Date().toISOString().slice(0, 10)}.${ending}`,
  load: () => exportHistory(ending),
});

const importWords = ({ imported, already_here: here }) =>
  here === 0 ? t("history.imported", { count: imported }) : t("history.imported_some", { count: imported, here });

/** `onFile` takes a file, and is done when the server has it. */
function ImportButton({ onFile }) {
  const picker = useRef(null);
  const [busy, setBusy] = useState(false);
  const choose = async ({ currentTarget: input }) => {
    const [file] = input.files;
    input.value = ""; // the same file may be chosen again
    setBusy(true);
    await onFile(file);
    setBusy(false);
  };
  return html`<input ref=${picker} type="file" accept=".json,application/json" hidden onChange=${choose} />
    <button
      class="button"
      title=${t("history.import_hint")}
      aria-disabled=${busy ? "true" : undefined}
      onClick=${() => busy || picker.current.click()}
    >
      <${Icon} name="upload" />${t(busy ? "history.importing" : "history.import")}
    </button>`;
}

function Empty({ onFile }) {
  return html`<section class="empty">
    <${Figures} />
    <h1>${t("history.empty.title")}</h1>
    <p>${t("history.empty.text")}</p>
    <div class="actions">
      <a class="button primary" href=${address("library")}>${t("history.empty.choose")}</a>
      <${ImportButton} onFile=${onFile} />
    </div>
  </section>`;
}
