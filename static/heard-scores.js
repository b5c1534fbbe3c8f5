/**
 * Which scores have come: over whatever connection, some lost on the way, some overtaken by newer ones, some said again.
 */

/** How many of the newest the server can say again, as `MOST_SCORES` in `outbox.py`. */
const SAID_AGAIN = 64;
/** How many are remembered: those that are said again may come after so many newer ones, and more. */
const REMEMBERED = 4 * SAID_AGAIN;

export class HeardScores {
  #seqs = new Set(); // in the order in which they came
  #newest = -1;

  /** Note that the score `seq` has come; return whether it is for the first time. */
  take(seq) {
    if (this.#seqs.has(seq)) return false;
    this.#seqs.add(seq);
    this.#newest = Math.max(this.#newest, seq);
    if (this.#seqs.size > REMEMBERED) this.#seqs.delete(this.#seqs.values().next().value);
    return true;
  }

  /** Up to which number all have come that the server could still say again; -1 if the first is missing. */
  get upTo() {
    const oldest = Math.max(0, this.#newest - SAID_AGAIN + 1);
    for (let seq = oldest; seq <= this.#newest; seq += 1) if (!this.#seqs.has(seq)) return seq - 1;
    return this.#newest;
  }
}
