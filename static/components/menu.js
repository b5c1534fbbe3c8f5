/** A button with choices behind it. The browser closes them on Escape and when something else is touched. */
import { html, useId, useRef, useState } from "../preact.js";
import { Icon } from "./icons.js";

const WIDTH = 272;
const EDGE = 16; // to the window's edges
const GAP = 8;

/** `choices` are `[{text, onChoose}]`; nothing can be chosen while `busy`. */
export function Menu({ text, icon, choices, busy = false }) {
  const id = useId();
  const button = useRef(null);
  const menu = useRef(null);
  const [open, setOpen] = useState(false);
  /** Below its button, inside the window; it scrolls with the page. */
  const place = ({ newState }) => {
    if (newState !== "open") return;
    const { left, right, bottom } = button.current.getBoundingClientRect();
    const most = document.documentElement.clientWidth - WIDTH - EDGE;
    const x = left + WIDTH > right && right - WIDTH > EDGE ? right - WIDTH : left;
    menu.current.style.left = `${Math.max(EDGE, Math.min(x, most)) + window.scrollX}px`;
    menu.current.style.top = `${bottom + GAP + window.scrollY}px`;
  };
  const choose = (onChoose) => {
    menu.current.hidePopover();
    if (!busy) onChoose(); // the button stays where the focus is
  };
  return html`<div class="menu">
    <button
      ref=${button}
      class="button"
      popovertarget=${id}
      aria-expanded=${open ? "true" : "false"}
      aria-disabled=${busy ? "true" : undefined}
    >
      <${Icon} name=${icon} />${text}
    </button>
    <div
      ref=${menu}
      id=${id}
      class="menu-choices"
      popover="auto"
      onBeforeToggle=${place}
      onToggle=${({ newState }) => setOpen(newState === "open")}
    >
      ${choices.map(
        ({ text: words, onChoose }) => html`<button key=${words} onClick=${() => choose(onChoose)}>${words}</button>`,
      )}
    </div>
  </div>`;
}
