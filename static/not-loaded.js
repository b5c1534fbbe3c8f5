/** Says that the page could not be loaded: in English, because no other text is there. It runs before the page's modules. */
export function tellNotLoaded() {
  const words = document.getElementById("not-loaded");
  words.querySelector("button").addEventListener("click", () => window.location.reload());
  words.hidden = false;
}

// A module that did not come, or one that it needs. Such events don't bubble.
window.addEventListener("error", ({ target }) => target instanceof HTMLScriptElement && tellNotLoaded(), { capture: true });
