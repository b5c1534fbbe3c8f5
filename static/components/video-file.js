/** A video file that somebody chooses, with a look at it. */
import { t } from "../i18n.js";
import { useObjectUrl } from "../media.js";
import { html, useRef, useState } from "../preact.js";
import { fileSize } from "../words.js";
import { Icon } from "./icons.js";

/** `label` says which video it is, for who can't see where the button stands. */
export function VideoFile({ file, label, onFile, disabled = false }) {
  const picker = useRef(null);
  const pick = () => picker.current.click();
  return html`<div class=${file === null ? "video-file none" : "video-file"}>
    <input
      ref=${picker}
      type="file"
      accept="video/*"
      hidden
      onChange=${({ currentTarget }) => {
        if (currentTarget.files.length > 0) onFile(currentTarget.files[0]);
        currentTarget.value = ""; // the same file may be chosen again
      }}
    />
    ${file === null
      ? html`<${Icon} name="upload" />
          <button type="button" class="button" disabled=${disabled} aria-label=${t("compare.pick_one", { what: label })} onClick=${pick}>
            ${t("compare.pick")}
          </button>
          <p class="muted only-wide">${t("compare.or_drop")}</p>`
      : html`<${Preview} key=${file} file=${file} label=${label} />
          <p class="video-file-name">
            <strong>${file.name}</strong> <span class="muted number">${fileSize(file.size)}</span>
          </p>
          <button type="button" class="button small" disabled=${disabled} aria-label=${t("compare.change_one", { what: label })} onClick=${pick}>
            ${t("compare.change")}
          </button>`}
  </div>`;
}

function Preview({ file, label }) {
  const url = useObjectUrl(file);
  const [unplayable, setUnplayable] = useState(false);
  return html`<div class="tile video-file-preview">
    ${url !== null &&
    !unplayable &&
    html`<video src=${url} muted playsinline controls preload="metadata" aria-label=${label} onError=${() => setUnplayable(true)}></video>`}
    ${unplayable && html`<div class="tile-cover"><p class="muted">${t("compare.no_preview")}</p></div>`}
  </div>`;
}
