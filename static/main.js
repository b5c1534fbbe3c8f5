/** Starts the page, in the person's language. */
import { App } from "./app.js";
import { loadLanguage, preferredLanguage } from "./i18n.js";
import { tellNotLoaded } from "./not-loaded.js";
import { html, render } from "./preact.js";

try {
  await loadLanguage(preferredLanguage());
  render(html`<${App} />`, document.getElementById("app"));
} catch (error) {
  console.error(error);
  tellNotLoaded();
}
