/**
 * Both sides of a connection may offer at any time, and always come to the same description.
 *
 * Source: W3C, WebRTC: Real-Time Communication in Browsers, "Perfect Negotiation Example". Beyond it, because a socket
 * may break in between: an offer is told again until it is answered, and an answer that nobody waits for is left out.
 */

/** An answer takes one way there and back; then the offer or the answer was lost. */
const AGAIN_MS = 5_000;

/**
 * Negotiate `connection` with the other side, until `signal` aborts.
 *
 * `polite`: in a collision the own offer is taken back. `send(type, fields)` tells the other side and returns whether
 * it could; `beforeAnswer()` may change what an answer says.
 *
 * Returns `{receive(message), resume()}`: `receive` takes a `description` or `candidate`, `resume` tells again what
 * was lost while nothing could be sent.
 */
export function negotiate(connection, { polite, send, beforeAnswer = () => {} }, signal) {
  let makingOffer = false;
  let ignoreOffer = false;
  let settingAnswer = false;
  let unsent = []; // candidates
  let again = null; // timer

  const attempt = async (work) => {
    try {
      await work();
    } catch (error) {
      if (!signal.aborted) console.error(error);
    }
  };
  const on = (event, listener) => connection.addEventListener(event, listener, { signal });

  const describe = () => {
    const { type, sdp } = connection.localDescription;
    send("description", { kind: type, sdp });
  };
  const offerAgain = () => {
    clearTimeout(again);
    if (signal.aborted || connection.signalingState !== "have-local-offer") return;
    again = setTimeout(() => {
      if (connection.signalingState === "have-local-offer") describe();
      offerAgain();
    }, AGAIN_MS);
  };
  const tellCandidate = (candidate) => {
    if (!send("candidate", candidate)) unsent.push(candidate);
  };

  on("signalingstatechange", offerAgain);
  signal.addEventListener("abort", () => clearTimeout(again), { once: true });

  on("negotiationneeded", () =>
    attempt(async () => {
      try {
        makingOffer = true;
        await connection.setLocalDescription();
        describe();
      } finally {
        makingOffer = false;
      }
    }),
  );
  on("icecandidate", ({ candidate }) => {
    if (!candidate?.candidate) return; // null or empty: there are no more
    tellCandidate({
      candidate: candidate.candidate,
      sdp_mid: candidate.sdpMid,
      sdp_m_line_index: candidate.sdpMLineIndex,
      username_fragment: candidate.usernameFragment,
    });
  });
  on("iceconnectionstatechange", () => {
    if (connection.iceConnectionState === "failed") connection.restartIce();
  });

  async function takeDescription({ kind, sdp }) {
    const awaited = connection.signalingState === "have-local-offer" && !settingAnswer;
    if (kind === "answer" && !awaited) return; // told twice
    // An offer may come while an answer is being set: that will be stable when the offer's turn comes.
    const readyForOffer = !makingOffer && (connection.signalingState === "stable" || settingAnswer);
    ignoreOffer = !polite && kind === "offer" && !readyForOffer;
    if (ignoreOffer) return;
    settingAnswer = kind === "answer";
    try {
      await connection.setRemoteDescription({ type: kind, sdp }); // takes the own offer back where that is needed
    } finally {
      settingAnswer = false;
    }
    if (kind === "answer") return;
    beforeAnswer();
    await connection.setLocalDescription();
    describe();
  }

  async function takeCandidate(message) {
    try {
      await connection.addIceCandidate({
        candidate: message.candidate,
        sdpMid: message.sdp_mid,
        sdpMLineIndex: message.sdp_m_line_index,
        usernameFragment: message.username_fragment,
      });
    } catch (error) {
      if (!ignoreOffer) throw error; // else it belongs to the offer that was ignored
    }
  }

  return {
    receive: (message) =>
      attempt(() => (message.type === "description" ? takeDescription(message) : takeCandidate(message))),
    resume() {
      if (connection.signalingState === "have-local-offer") describe();
      const candidates = unsent;
      unsent = [];
      candidates.forEach(tellCandidate);
      if (["disconnected", "failed"].includes(connection.iceConnectionState)) connection.restartIce();
    },
  };
}
