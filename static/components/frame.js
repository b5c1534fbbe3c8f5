/** What surrounds every view: the way to the others, the account, the language. */
import { LANGUAGES, chooseLanguage, language, t } from "../i18n.js";
import { html, useId, useRef, useState } from "../preact.js";
import { HOME, address, navigation } from "../routes.js";
import { Brand } from "./figures.js";
import { Icon } from "./icons.js";
import { Select } from "./select.js";

/** The first thing the Tab key finds. An address would be taken for a view's, so it moves the focus by itself. */
export function SkipLink() {
  const skip = (event) => {
    event.preventDefault();
    document.getElementById("content")?.focus();
  };
  return html`<a class="skip-link" href="#content" onClick=${skip}>${t("page.skip")}</a>`;
}

/** `view` is the name of the one that is shown. On a phone the bar is at the bottom, within a thumb's reach. */
export function Header({ me, view, onSignOut }) {
  return html`<header class="top">
    <a class="top-brand" href=${HOME} aria-label=${t("page.home")}><${Brand} /></a>
    <nav class="bar" aria-label=${t("page.nav")}>
      ${navigation(me.role, "bar").map((each) => html`<${NavLink} key=${each.name} to=${each} view=${view} />`)}
    </nav>
    <${AccountMenu} me=${me} view=${view} onSignOut=${onSignOut} />
  </header>`;
}

function NavLink({ to, view, onClick }) {
  return html`<a
    href=${address(to.name)}
    aria-current=${view === to.name ? "page" : undefined}
    onClick=${onClick}
  >
    <${Icon} name=${to.icon} /><span>${t(to.title)}</span>
  </a>`;
}

/** Opened by its button; the browser closes it on Escape and when something else is touched. */
function AccountMenu({ me, view, onSignOut }) {
  const menu = useRef(null);
  const id = useId();
  const [open, setOpen] = useState(false);
  const close = () => menu.current.hidePopover();
  return html`<div class="account">
    <button class="account-button" popovertarget=${id} aria-expanded=${open ? "true" : "false"} aria-label=${t("account.menu", { name: me.name })}>
      <${Icon} name="account" /><span class="account-name">${me.name}</span>
    </button>
    <div
      ref=${menu}
      id=${id}
      class="account-menu"
      popover="auto"
      onToggle=${({ newState }) => setOpen(newState === "open")}
    >
      <p class="account-who">${me.name}</p>
      ${navigation(me.role, "menu").map(
        (each) => html`<${NavLink} key=${each.name} to=${each} view=${view} onClick=${close} />`,
      )}
      <button onClick=${onSignOut}><${Icon} name="leave" />${t("account.sign_out")}</button>
    </div>
  </div>`;
}

export function Footer() {
  return html`<footer class="bottom">
    <p>${t("page.disclaimer")}</p>
    <${LanguageSelect} />
  </footer>`;
}

/** Languages are named in themselves: who can't read the page finds their own. */
function LanguageSelect() {
  const id = useId();
  const choose = ({ currentTarget: select }) =>
    chooseLanguage(select.value).catch(() => {
      select.value = language; // its texts could not be fetched
    });
  return html`<div class="language">
    <label for=${id}><${Icon} name="language" />${t("page.language")}</label>
    <${Select} id=${id} value=${language} onChange=${choose}>
      ${LANGUAGES.map(({ code, name }) => html`<option key=${code} value=${code} lang=${code}>${name}</option>`)}
    <//>
  </div>`;
}
