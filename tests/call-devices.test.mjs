import assert from "node:assert/strict";
import { test } from "node:test";

import { controlDevices } from "../static/call/device-control.js";
import { CAMERA, FakeMedia, HEADSET, MICROPHONE, OTHER_CAMERA, SPEAKER } from "./fake_media.mjs";
import { messagesOf, speak } from "./languages.mjs";

speak("en");
globalThis.isSecureContext = true;
const texts = messagesOf("en");

const settled = async () => {
  for (let i = 0; i < 10; i += 1) await new Promise((resolve) => setImmediate(resolve));
};

/** A person's devices, opened; `state` is always the newest. */
async function devices(t, { there = [CAMERA, MICROPHONE, SPEAKER], refuse = {}, ids = { camera: null, microphone: null } } = {}) {
  const closing = new AbortController();
  t.after(() => closing.abort());
  const media = Object.assign(new FakeMedia(there), { refuse });
  const held = { media, closing, state: null };
  held.control = controlDevices({ ids, onChange: (state) => (held.state = state), media }, closing.signal);
  await settled();
  return held;
}

const inUse = ({ state }) => [state.camera.track?.deviceId ?? null, state.microphone.track?.deviceId ?? null];
const errors = ({ state }) => [state.camera.error, state.microphone.error];

test("camera and microphone are asked for together", async (t) => {
  const held = await devices(t);
  assert.deepEqual(held.media.asked, ["video+audio"]);
  assert.deepEqual(inUse(held), ["cam1", "mic1"]);
  assert.deepEqual(errors(held), [null, null]);
});

test("all devices are listed, those without a name with a number", async (t) => {
  const { state } = await devices(t, { there: [CAMERA, OTHER_CAMERA, MICROPHONE, HEADSET, SPEAKER] });
  assert.deepEqual(state.lists, {
    cameras: [{ id: "cam1", label: "Built-in" }, { id: "cam2", label: "USB" }],
    microphones: [{ id: "mic1", label: "Microphone 1" }, { id: "mic2", label: "Headset" }],
    speakers: [{ id: "out1", label: "Speakers" }],
  });
});

test("devices that may not be known yet are not listed", async (t) => {
  const unknown = { kind: "videoinput", deviceId: "", label: "" };
  const { state } = await devices(t, { there: [unknown], refuse: { video: "NotAllowedError", audio: "NotAllowedError" } });
  assert.deepEqual(state.lists.cameras, []);
});

test("without a microphone there is a camera all the same, and a sentence", async (t) => {
  const held = await devices(t, { there: [CAMERA] });
  assert.deepEqual(inUse(held), ["cam1", null]);
  assert.deepEqual(errors(held), [null, "No microphone was found. Connect one, then try again."]);
});

test("without a camera there is a microphone all the same, and a sentence", async (t) => {
  const held = await devices(t, { refuse: { video: "NotReadableError" } });
  assert.deepEqual(inUse(held), [null, "mic1"]);
  assert.deepEqual(errors(held), [texts["camera.in_use"], null]);
});

for (const [name, key] of [
  ["NotAllowedError", "microphone.blocked"],
  ["NotFoundError", "microphone.missing"],
  ["NotReadableError", "microphone.in_use"],
  ["AbortError", "microphone.aborted"],
  ["SecurityError", "microphone.forbidden"],
  ["TypeError", "microphone.failed"],
]) {
  test(`a microphone that fails with ${name} has its own sentence`, async (t) => {
    assert.equal((await devices(t, { refuse: { audio: name } })).state.microphone.error, texts[key]);
  });
}

test("an insecure page is told once for both", async (t) => {
  globalThis.isSecureContext = false;
  t.after(() => (globalThis.isSecureContext = true));
  assert.deepEqual(errors(await devices(t)), [texts["camera.insecure"], texts["camera.insecure"]]);
});

test("what could not be opened is opened on another try, and nothing else", async (t) => {
  const held = await devices(t, { refuse: { audio: "NotReadableError" } });
  const { track } = held.state.camera;
  held.media.refuse = {};
  await held.control.retry();
  assert.deepEqual(inUse(held), ["cam1", "mic1"]);
  assert.equal(held.state.camera.track, track);
  assert.equal(held.media.asked.at(-1), "audio");
});

test("a device chosen before is taken again, and another one where it is gone", async (t) => {
  const there = [CAMERA, OTHER_CAMERA, MICROPHONE];
  const held = await devices(t, { there, ids: { camera: "cam2", microphone: "gone" } });
  assert.deepEqual(inUse(held), ["cam2", "mic1"]);
  assert.deepEqual(held.state.ids, { camera: "cam2", microphone: "mic1" });
});

test("another device replaces the one in use", async (t) => {
  const held = await devices(t, { there: [CAMERA, OTHER_CAMERA, MICROPHONE, HEADSET] });
  const before = [held.state.camera.track, held.state.microphone.track];
  await held.control.choose({ camera: "cam2", microphone: "mic2" });
  assert.deepEqual(inUse(held), ["cam2", "mic2"]);
  assert.deepEqual(before.map(({ readyState }) => readyState), ["ended", "ended"]);
});

test("a chosen device that is gone is said to be", async (t) => {
  const held = await devices(t);
  await held.control.choose({ microphone: "mic9" });
  assert.deepEqual(errors(held), [null, texts["microphone.gone"]]);
});

test("a camera that is off is closed, and opened again", async (t) => {
  const held = await devices(t);
  const { track } = held.state.camera;
  await held.control.turn("camera", false);
  assert.deepEqual([track.readyState, held.state.camera.track, held.state.camera.error], ["ended", null, null]);
  await held.control.turn("camera", true);
  assert.deepEqual(inUse(held), ["cam1", "mic1"]);
});

test("a microphone that is off is silent, also when it is another one", async (t) => {
  const held = await devices(t, { there: [CAMERA, MICROPHONE, HEADSET] });
  await held.control.turn("microphone", false);
  assert.deepEqual([held.state.microphone.track.enabled, held.state.microphone.track.readyState], [false, "live"]);
  await held.control.choose({ microphone: "mic2" });
  assert.deepEqual([held.state.microphone.track.deviceId, held.state.microphone.track.enabled], ["mic2", false]);
  await held.control.turn("microphone", true);
  assert.equal(held.state.microphone.track.enabled, true);
});

test("a device that is unplugged is told, and taken again when it is back", async (t) => {
  const held = await devices(t);
  held.media.devices = [CAMERA];
  held.state.microphone.track.unplug();
  held.media.dispatchEvent(new Event("devicechange"));
  await settled();
  assert.deepEqual(errors(held), [null, "The microphone stopped. Connect it again, then try again."]);
  held.media.plug(HEADSET);
  await settled();
  assert.deepEqual(inUse(held), ["cam1", "mic2"]);
  assert.deepEqual(errors(held), [null, null]);
});

test("a camera that is off is not opened because another one is plugged in", async (t) => {
  const held = await devices(t);
  await held.control.turn("camera", false);
  held.media.plug(OTHER_CAMERA);
  await settled();
  assert.equal(held.state.camera.track, null);
  assert.equal(held.state.lists.cameras.length, 2);
});

test("quick changes come one after the other, and the last one holds", async (t) => {
  const held = await devices(t);
  const turns = [false, true, false, true].map((on) => held.control.turn("camera", on));
  await Promise.all(turns);
  assert.equal(held.state.camera.track.readyState, "live");
});

test("everything is given back, also what is opened too late", async (t) => {
  const held = await devices(t);
  const { camera, microphone } = held.state;
  const late = held.control.choose({ camera: "cam1", microphone: "mic1" });
  held.closing.abort();
  await late;
  assert.deepEqual([camera, microphone].map(({ track }) => track.readyState), ["ended", "ended"]);
  const opened = [];
  const { getUserMedia } = FakeMedia.prototype;
  t.mock.method(FakeMedia.prototype, "getUserMedia", async function (constraints) {
    const stream = await getUserMedia.call(this, constraints);
    opened.push(...stream.getVideoTracks(), ...stream.getAudioTracks());
    return stream;
  });
  const closing = new AbortController();
  controlDevices({ ids: { camera: null, microphone: null }, onChange: () => assert.fail(), media: new FakeMedia([CAMERA, MICROPHONE]) }, closing.signal);
  await Promise.resolve();
  closing.abort();
  await settled();
  assert.deepEqual(opened.map(({ readyState }) => readyState), ["ended", "ended"]);
});
