/** The program of a call as it will be, while the server has not yet told what was sent. No DOM, no network. */

/** What was sent last, until the server's state has it; null: nothing is on its way. */
export const stillSent = (sent, ids) => (sent === null || sent.join() === ids.join() ? null : sent);

/** Without the exercise `id` that was shown at `index`, wherever it is meanwhile. */
export function without(ids, id, index) {
  const at = ids[index] === id ? index : ids.indexOf(id);
  return at < 0 ? ids : ids.toSpliced(at, 1);
}
