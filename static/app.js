/** The page as a whole: who is signed in, which view is shown, and what surrounds it. */
import { onSignInNeeded, session } from "./api.js";
import { Brand } from "./components/figures.js";
import { Icon } from "./components/icons.js";
import { Notice } from "./components/notice.js";
import { useLibrary } from "./library.js";
import { html, useEffect, useErrorBoundary, useRef, useState } from "./preact.js";
import { HISTORY, LIBRARY, parseRoute } from "./routes.js";
import { History } from "./views/history.js";
import { Library } from "./views/library.js";
import { Record } from "./views/record.js";
import { Session } from "./views/session.js";
import { SignIn, SignInAgain } from "./views/sign-in.js";
import { Summary } from "./views/summary.js";

const TITLES = {
  library: "Library",
  record: "Record",
  session: "Session",
  summary: "Summary",
  history: "History",
};

function useRoute() {
  const [route, setRoute] = useState(() => parseRoute(window.location.hash));
  useEffect(() => {
    const follow = () => {
      setRoute(parseRoute(window.location.hash));
      window.scrollTo(0, 0);
    };
    window.addEventListener("hashchange", follow);
    return () => window.removeEventListener("hashchange", follow);
  }, []);
  return route;
}

/** Go on at the top of a view that has just opened, as a page load would. */
function focusHeading() {
  const heading = document.querySelector("main h1");
  heading?.setAttribute("tabindex", "-1");
  heading?.focus({ preventScroll: true });
}

function signOut() {
  session.forget();
  window.location.hash = LIBRARY;
  window.location.reload(); // a new person finds nothing of the last one in memory
}

export function App() {
  const [signedIn, setSignedIn] = useState(session.token !== null);
  return signedIn
    ? html`<${SignedIn} />`
    : html`<div class="frame"><${SignIn} onDone=${() => setSignedIn(true)} footer=${html`<${Footer} />`} /></div>`;
}

function SignedIn() {
  const [expired, setExpired] = useState(false);
  const route = useRoute();
  const library = useLibrary();
  const [failure, reset] = useErrorBoundary((error) => console.error(error));
  useEffect(() => onSignInNeeded(() => setExpired(true)), []);
  const moved = useRef(false);
  useEffect(() => {
    document.title = `${TITLES[route.view]} · posesim`;
    if (moved.current) focusHeading();
    moved.current = true;
  }, [route.view, route.id]);

  const views = {
    library: () => html`<${Library} library=${library} />`,
    record: () => html`<${Record} library=${library} />`,
    session: () => html`<${Session} key=${route.id} id=${route.id} />`,
    summary: () => html`<${Summary} key=${route.id} id=${route.id} />`,
    history: () => html`<${History} />`,
  };
  return html`<div class=${`frame ${route.view}`}>
    <${Header} view=${route.view} />
    ${failure
      ? html`<main class="page">
          <${Notice}
            text="Something in this page went wrong. Your sessions are kept on the server."
            action="Try again"
            onAction=${reset}
          />
        </main>`
      : views[route.view]()}
    <${Footer} />
    ${expired && html`<${SignInAgain} onDone=${() => setExpired(false)} onSignOut=${signOut} />`}
  </div>`;
}

function Header({ view }) {
  const here = (name) => (view === name ? "page" : undefined);
  return html`<header class="top">
    <a class="top-brand" href=${LIBRARY} aria-label="posesim, to the library"><${Brand} /></a>
    <nav aria-label="Main">
      <a href=${LIBRARY} aria-current=${here("library")}>Library</a>
      <a href=${HISTORY} aria-current=${here("history")}>History</a>
    </nav>
    <div class="who">
      <span class="who-name">${session.name}</span>
      <button class="icon-button" onClick=${signOut} aria-label="Sign out" title="Sign out">
        <${Icon} name="leave" />
      </button>
    </div>
  </header>`;
}

function Footer() {
  return html`<footer class="bottom">
    <p>A similarity to the reference clip. Not a medical assessment.</p>
  </footer>`;
}
