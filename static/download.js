/** Files that the page was given, handed on to the person. */

/** Save `blob` under `name`. The browser asks or puts it where downloads go. */
export function saveBlob(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
