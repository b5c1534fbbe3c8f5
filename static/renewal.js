/** Tokens that are renewed before they run out. */
import { pause } from "./pause.js";

/** The soonest that a renewal is tried again. */
const AGAIN_S = 2;

/**
 * Call `renew` whenever half of a token's time is left, until `signal` aborts. `renew` brings another token to where
 * it is needed and returns its lifetime in seconds, or null when none is needed any more. Where it fails it is tried
 * again; in the end the server says that it is over. Never fails.
 */
export async function keepRenewed(lifetimeS, renew, signal) {
  let leftS = lifetimeS;
  while (leftS !== null) {
    try {
      await pause((leftS / 2) * 1000, signal);
      leftS = await renew();
    } catch {
      if (signal.aborted) return;
      leftS = Math.max(2 * AGAIN_S, leftS / 2);
    }
  }
}
