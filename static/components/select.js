/** One of several, as the device shows them; drawn like the other fields. */
import { html } from "../preact.js";
import { Icon } from "./icons.js";

/** `children` are the `<option>`s, everything else goes to the `<select>`. */
export function Select({ children, ...rest }) {
  return html`<span class="select"><select ...${rest}>${children}</select><${Icon} name="more" /></span>`;
}
