/**
 * Two peer connections without a browser, as far as negotiation goes: operations one after the other, the states of
 * WebRTC's section 4.3.1, taking an offer back, and candidates that belong to one description.
 */

const tick = () => new Promise((resolve) => setImmediate(resolve));

let names = 0;

export class FakePeer extends EventTarget {
  signalingState = "stable";
  iceConnectionState = "new";
  localDescription = null;
  remoteDescription = null;
  closed = false;
  restarts = 0;
  rollbacks = 0;
  #needed = false;
  #stable = { local: null, remote: null };
  #operations = Promise.resolve();
  #pending = 0;
  #name = `peer${(names += 1)}`;
  #offers = 0;

  /** Something was added: an offer is needed as soon as the state allows one. */
  add() {
    this.#needed = true;
    this.#look();
  }

  restartIce() {
    this.restarts += 1;
    this.add();
  }

  becomes(iceConnectionState) {
    this.iceConnectionState = iceConnectionState;
    this.dispatchEvent(new Event("iceconnectionstatechange"));
  }

  /** Tell of an address, as the browser does after a description was set. */
  finds(candidate = `candidate of ${this.localDescription.sdp}`) {
    const found = { candidate, sdpMid: "0", sdpMLineIndex: 0, usernameFragment: this.localDescription.sdp };
    this.dispatchEvent(Object.assign(new Event("icecandidate"), { candidate: found }));
  }

  /** The event waits until no operation is under way. Source: WebRTC, section 4.7.3. */
  #look() {
    setImmediate(() => {
      if (!this.#needed || this.closed || this.#pending > 0 || this.signalingState !== "stable") return;
      this.dispatchEvent(new Event("negotiationneeded"));
    });
  }

  #chained(operation) {
    this.#pending += 1;
    const done = this.#operations.then(async () => {
      await tick();
      if (this.closed) return new Promise(() => {}); // as a closed connection: it never answers
      try {
        return operation();
      } finally {
        this.#pending -= 1;
        this.#look();
      }
    });
    this.#operations = done.catch(() => {});
    return done;
  }

  #change(signalingState) {
    if (signalingState === this.signalingState) return;
    this.signalingState = signalingState;
    if (signalingState === "stable") {
      this.#stable = { local: this.localDescription, remote: this.remoteDescription };
      this.#look();
    }
    this.dispatchEvent(new Event("signalingstatechange"));
  }

  setLocalDescription() {
    return this.#chained(() => {
      if (this.signalingState === "have-remote-offer") {
        this.localDescription = { type: "answer", sdp: `${this.#name} to ${this.remoteDescription.sdp}` };
        this.#change("stable");
      } else {
        this.#needed = false;
        this.localDescription = { type: "offer", sdp: `${this.#name} offers ${(this.#offers += 1)}` };
        this.#change("have-local-offer");
      }
    });
  }

  setRemoteDescription(description) {
    return this.#chained(() => {
      const offered = this.signalingState === "have-local-offer";
      if (description.type === "answer") {
        if (!offered) throw new Error(`InvalidStateError: an answer in ${this.signalingState}`);
        if (!description.sdp.endsWith(`to ${this.localDescription.sdp}`)) throw new Error("an answer to another offer");
        this.remoteDescription = description;
        this.#change("stable");
        return;
      }
      if (offered) {
        this.rollbacks += 1;
        this.localDescription = this.#stable.local;
        this.#needed = true; // what was to be offered still is
      }
      this.remoteDescription = description;
      this.#change("have-remote-offer");
    });
  }

  addIceCandidate({ usernameFragment }) {
    return this.#chained(() => {
      if (this.remoteDescription?.sdp !== usernameFragment) throw new Error("OperationError: unknown ufrag");
    });
  }

  close() {
    this.closed = true;
    this.signalingState = "closed";
  }
}

/** Whether two sides mean the same: one's offer and the other's answer to it. */
export function agreed(a, b) {
  if (a.signalingState !== "stable" || b.signalingState !== "stable") return false;
  return a.localDescription?.sdp === b.remoteDescription?.sdp && b.localDescription?.sdp === a.remoteDescription?.sdp;
}
