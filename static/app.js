/** The page as a whole: who is signed in, which view is shown, and what surrounds it. */
import { onSignInNeeded, session, signOut as endSignIn } from "./api.js";
import { Footer, Header, SkipLink } from "./components/frame.js";
import { Broken, NotLoaded } from "./components/no-view.js";
import { Page, Waiting } from "./components/page.js";
import { t, useLanguage } from "./i18n.js";
import { useLibrary } from "./library.js";
import { useMe } from "./me.js";
import { html, useEffect, useErrorBoundary, useRef, useState } from "./preact.js";
import { GUEST, HOME, parseRoute } from "./routes.js";
import { turnedBack } from "./unsaved.js";
import { SignIn, SignInAgain } from "./views/sign-in.js";

/**
 * The view at the page's address for somebody in `role`, as `{route, View}`; null until it is there, and `route` is
 * null where there is none. The one before stays until the next has been fetched.
 */
function useView(role) {
  const [shown, setShown] = useState(null);
  useEffect(() => {
    if (role === null) return undefined;
    const leaving = new AbortController();
    let asked = 0;
    const follow = async (event = null) => {
      if (event !== null && turnedBack(event)) return;
      const request = (asked += 1);
      const route = parseRoute(window.location.hash, role);
      const View = await route?.view.load().catch(() => notLoaded(route));
      if (request !== asked || leaving.signal.aborted) return;
      setShown({ route, View });
      window.scrollTo(0, 0);
    };
    window.addEventListener("hashchange", follow, { signal: leaving.signal });
    follow();
    return () => leaving.abort();
  }, [role]);
  return shown;
}

/** Go on at the top of a view that has just opened, as a page load would. */
function focusHeading() {
  const heading = document.querySelector("main h1") ?? document.querySelector("main");
  heading?.setAttribute("tabindex", "-1");
  heading?.focus({ preventScroll: true });
}

async function signOut() {
  await endSignIn();
  window.location.hash = HOME;
  window.location.reload(); // a new person finds nothing of the last one in memory
}

export function App() {
  useLanguage();
  const [signedIn, setSignedIn] = useState(session.token !== null);
  return signedIn ? html`<${SignedIn} />` : html`<${Guest} onSignedIn=${() => setSignedIn(true)} />`;
}

/** Somebody without an account sees the views that are for guests, else the way in. */
function Guest({ onSignedIn }) {
  const shown = useView(GUEST);
  if (shown === null) return null;
  const { route, View } = shown;
  if (route === null) {
    return html`<div class="frame guest"><${SignIn} onDone=${onSignedIn} footer=${html`<${Footer} />`} /></div>`;
  }
  return html`<div class=${`frame guest view-${route.view.name}`}>
    <${View} key=${keyOf(route)} ...${route.parameters} onSignedIn=${onSignedIn} />
    <${Footer} />
  </div>`;
}

/** What stands for the view of `route`, whose module did not come. */
const notLoaded = (route) => () => html`<${NotLoaded} title=${t(route.view.title)} />`;

const keyOf = ({ view, parameters }) => [view.name, ...Object.values(parameters)].join("/");

function SignedIn() {
  const [expired, setExpired] = useState(false);
  const me = useMe();
  const shown = useView(me?.role ?? null);
  const library = useLibrary();
  const [failure, reset] = useErrorBoundary((error) => console.error(error));
  useEffect(() => onSignInNeeded(() => setExpired(true)), []);
  const key = shown && keyOf(shown.route);
  const moved = useRef(false);
  useEffect(() => {
    if (key === null) return;
    if (moved.current) focusHeading();
    moved.current = true;
    reset(); // what failed was another view
  }, [key]);
  const title = shown && t(shown.route.view.title);
  useEffect(() => {
    if (title !== null) document.title = `${title} · posesim`;
  }, [title]);

  const name = shown?.route.view.name;
  return html`<div class=${name === undefined ? "frame" : `frame view-${name}`}>
    <${SkipLink} />
    ${me !== null && html`<${Header} me=${me} view=${name} onSignOut=${signOut} />`}
    ${failure
      ? html`<${Broken} title=${title ?? "posesim"} onAgain=${reset} />`
      : shown === null
        ? html`<${Page}><${Waiting} text=${t("page.wait")} /><//>`
        : html`<${shown.View} key=${key} ...${shown.route.parameters} library=${library} me=${me} />`}
    <${Footer} />
    ${expired && html`<${SignInAgain} onDone=${() => setExpired(false)} onSignOut=${signOut} />`}
  </div>`;
}
