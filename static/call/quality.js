/** How good a connection is, from what the browser counted. No DOM, no clock. */

/**
 * From where on a conversation suffers, and from where on it hardly works. The times are there and back: twice what
 * ITU-T G.114 gives for one way (150 and 400 ms).
 */
const FAIR = { rttMs: 300, lossShare: 0.03 };
const POOR = { rttMs: 800, lossShare: 0.1 };

const ofType = (stats, type) => stats.filter((each) => each.type === type);
const sum = (stats, field) => stats.reduce((total, each) => total + (each[field] ?? 0), 0);

/** By how much a counter rose; one that began anew counts from 0. */
function rise(before, after, type, field) {
  const [was, is] = [sum(ofType(before, type), field), sum(ofType(after, type), field)];
  return is >= was ? is - was : is;
}

/** The pair of addresses in use; Firefox marks it, others name it. */
function pairInUse(stats) {
  const named = ofType(stats, "transport").find(({ selectedCandidatePairId: id }) => id !== undefined);
  const pairs = ofType(stats, "candidate-pair");
  if (named !== undefined) return pairs.find(({ id }) => id === named.selectedCandidatePairId);
  return pairs.find(({ selected, nominated, state }) => selected ?? (nominated && state === "succeeded"));
}

const share = (part, whole) => (whole > 0 ? Math.min(1, Math.max(0, part / whole)) : null);

/**
 * What came to pass between two samples, `before` and `after`: lists of the stats of one connection.
 *
 * `expected`: the other person sends something, so that nothing at all is a bad sign. Returns `{rttMs, lossShare,
 * kbitS, level}`: there and back; the larger share of lost packets of both directions; what is received; "good",
 * "fair" or "poor". The first two are null where nothing tells them.
 */
export function qualityOf(before, after, expected) {
  const received = rise(before, after, "inbound-rtp", "packetsReceived");
  const lost = rise(before, after, "inbound-rtp", "packetsLost");
  const sent = rise(before, after, "outbound-rtp", "packetsSent");
  const lostThere = rise(before, after, "remote-inbound-rtp", "packetsLost");
  const losses = [share(lost, received + lost), share(lostThere, sent)].filter((each) => each !== null);
  const lossShare = losses.length > 0 ? Math.max(...losses) : null;

  const rttS = pairInUse(after)?.currentRoundTripTime ?? ofType(after, "remote-inbound-rtp")[0]?.roundTripTime;
  const rttMs = rttS === undefined ? null : rttS * 1000;

  const ms = (after[0]?.timestamp ?? 0) - (before[0]?.timestamp ?? 0);
  const bits = 8 * rise(before, after, "inbound-rtp", "bytesReceived");
  const kbitS = ms > 0 ? bits / ms : 0;

  const beyond = (limits) => (rttMs ?? 0) > limits.rttMs || (lossShare ?? 0) > limits.lossShare;
  const silent = expected && received === 0;
  return { rttMs, lossShare, kbitS, level: silent || beyond(POOR) ? "poor" : beyond(FAIR) ? "fair" : "good" };
}
