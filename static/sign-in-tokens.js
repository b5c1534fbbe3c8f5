/**
 * The proof of who is signed in, kept for as long as the tab.
 *
 * A tab that was duplicated has the same refresh token, which is good for one use: whoever renews tells the others.
 */

const KEY = "posesim.sign-in";
const CHANNEL = "posesim.sign-in";

const read = () => JSON.parse(sessionStorage.getItem(KEY) ?? "null");
const write = (kept) => sessionStorage.setItem(KEY, JSON.stringify(kept));

/** What comes before the point is the same for all refresh tokens of a sign-in. */
const signInOf = (refresh) => refresh?.split(".", 1)[0] ?? null;

/** Who is signed in. */
export const session = {
  get token() {
    return read()?.access ?? null;
  },
  get refreshToken() {
    return read()?.refresh ?? null;
  },
  get name() {
    return read()?.name ?? null;
  },
  /** Keep the answer of `/token`. */
  keep({ access_token: access, refresh_token: refresh = null }, name) {
    write({ access, refresh, name });
    if (refresh !== null) tell({ access, refresh });
  },
  forget() {
    sessionStorage.removeItem(KEY);
  },
};

const channel = globalThis.BroadcastChannel && globalThis.document ? new BroadcastChannel(CHANNEL) : null;
const tell = (tokens) => channel?.postMessage(tokens);

channel?.addEventListener("message", ({ data: { access, refresh } }) => {
  const kept = read();
  if (kept !== null && signInOf(kept.refresh) === signInOf(refresh)) write({ ...kept, access, refresh });
});

/** Do something while no other tab of this sign-in does it. */
export async function alone(work) {
  const name = `${CHANNEL}.${signInOf(session.refreshToken)}`;
  return globalThis.navigator?.locks ? navigator.locks.request(name, work) : work();
}
