/** Files that are dropped anywhere on a view. */
import { useState } from "./preact.js";

/** `[dragging, handlers]`: whether files are over the view, and what its `Page` has to be given. */
export function useFileDrop(onFiles) {
  const [dragging, setDragging] = useState(false);
  const carries = (event) => event.dataTransfer.types.includes("Files");
  const handlers = {
    onDragOver: (event) => {
      if (!carries(event)) return;
      event.preventDefault();
      setDragging(true);
    },
    onDragLeave: (event) => {
      if (!event.currentTarget.contains(event.relatedTarget)) setDragging(false);
    },
    onDrop: (event) => {
      if (!carries(event)) return;
      event.preventDefault();
      setDragging(false);
      onFiles([...event.dataTransfer.files]);
    },
  };
  return [dragging, handlers];
}
