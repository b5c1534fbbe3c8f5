/** Cameras and microphones without a browser. */

export class FakeTrack extends EventTarget {
  enabled = true;
  readyState = "live";

  constructor(kind, deviceId) {
    super();
    this.kind = kind;
    this.deviceId = deviceId;
  }

  getSettings() {
    return { deviceId: this.deviceId };
  }

  stop() {
    this.readyState = "ended";
  }

  unplug() {
    this.readyState = "ended";
    this.dispatchEvent(new Event("ended"));
  }
}

const KIND = { video: "videoinput", audio: "audioinput" };

/** `navigator.mediaDevices` with `{kind, deviceId, label}` devices; `refuse` maps "video" and "audio" to error names. */
export class FakeMedia extends EventTarget {
  refuse = {};
  asked = [];
  open = 0;
  mostCameras = 0;

  constructor(devices) {
    super();
    this.devices = devices;
  }

  plug(device) {
    this.devices = [...this.devices, device];
    this.dispatchEvent(new Event("devicechange"));
  }

  async enumerateDevices() {
    return this.devices;
  }

  async getUserMedia(constraints) {
    await new Promise((resolve) => setImmediate(resolve));
    const kinds = ["video", "audio"].filter((kind) => constraints[kind]);
    this.asked.push(kinds.join("+"));
    const found = {};
    for (const kind of kinds) {
      const fail = (name) => Promise.reject(Object.assign(new Error(name), { name }));
      if (this.refuse[kind]) return fail(this.refuse[kind]);
      const { exact = null, ideal = null } = constraints[kind].deviceId ?? {};
      const fitting = this.devices.filter((each) => each.kind === KIND[kind]);
      const device = fitting.find(({ deviceId }) => deviceId === (exact ?? ideal)) ?? (exact ? undefined : fitting[0]);
      if (device === undefined) return fail(exact ? "OverconstrainedError" : "NotFoundError");
      found[kind] = [new FakeTrack(kind, device.deviceId)];
    }
    return { getVideoTracks: () => found.video ?? [], getAudioTracks: () => found.audio ?? [] };
  }
}

export const CAMERA = { kind: "videoinput", deviceId: "cam1", label: "Built-in" };
export const OTHER_CAMERA = { kind: "videoinput", deviceId: "cam2", label: "USB" };
export const MICROPHONE = { kind: "audioinput", deviceId: "mic1", label: "" };
export const HEADSET = { kind: "audioinput", deviceId: "mic2", label: "Headset" };
export const SPEAKER = { kind: "audiooutput", deviceId: "out1", label: "Speakers" };
