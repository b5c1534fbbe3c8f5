/** Files to take along, one of them at a time. */
import { saveBlob } from "../download.js";
import { t } from "../i18n.js";
import { html, useState } from "../preact.js";
import { Menu } from "./menu.js";

/**
 * `files` are `[{text, name, load}]`: what to choose, how the file is called, and what gets it. `onError` is given a
 * sentence, or null when another file is asked for.
 */
export function DownloadMenu({ text, files, onError }) {
  const [busy, setBusy] = useState(false);
  const save = async ({ name, load }) => {
    onError(null);
    setBusy(true);
    try {
      saveBlob(await load(), name);
    } catch (failure) {
      onError(failure.message);
    }
    setBusy(false);
  };
  return html`<${Menu}
      text=${text}
      icon="download"
      busy=${busy}
      choices=${files.map((file) => ({ text: file.text, onChoose: () => save(file) }))}
    />
    <span class="visually-hidden" role="status">${busy ? t("download.busy") : ""}</span>`;
}

/** The name of a session's file, by when it began on this computer's clock. */
export const sessionFileName = ({ started_at: started, created_at: created }, ending) =>
  fileName("session", started ?? created, ending);

/** The name of a call's file, by when it was to begin. */
export const callFileName = ({ starts_at: starts, created_at: created }, ending) => fileName("call", starts ?? created, ending);

function fileName(what, timestamp, ending) {
  const at = new Date(timestamp);
  const two = (value) => String(value).padStart(2, "0");
  const day = [at.getFullYear(), two(at.getMonth() + 1), two(at.getDate())].join("-");
  return `posesim-${what}-${day}-${two(at.getHours())}${two(at.getMinutes())}.${ending}`;
}
