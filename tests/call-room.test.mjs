import assert from "node:assert/strict";
import { test } from "node:test";

import { enterRoom } from "../static/call/room.js";
import { WELCOME } from "./fake_sockets.mjs";

const NOTHING = { camera: null, microphone: null };
const SILENT = { camera: false, microphone: false };

/** A room whose server, other person and streams are the test. */
function room(t) {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const leaving = new AbortController();
  t.after(() => leaving.abort());
  const told = { sent: [], peers: [], tickets: [], cameras: [], changes: {}, messages: [], up: true, leaving };
  const makeSocket = (socket) => {
    Object.assign(told, { says: (type, fields = {}) => socket.onMessage({ type, ...fields }), socket });
    return { send: (type, fields) => told.up && (told.sent.push([type, fields]), true) };
  };
  const makePeer = ({ message, ice, tracks, onRemote, onState }, signal) => {
    const peer = { ...message, ice, tracks, got: [], resumed: 0, closed: false, onRemote, onState, samples: [] };
    signal.addEventListener("abort", () => (peer.closed = true));
    told.peers.push(peer);
    return Object.assign(peer, {
      receive: ({ sdp, candidate }) => peer.got.push(sdp ?? candidate),
      resume: () => (peer.resumed += 1),
      configure: (next) => (peer.ice = next),
      change: (next) => (peer.tracks = next),
      stats: async () => peer.samples.shift() ?? [],
    });
  };
  const makeStreams = ({ onMessage, onStatus }) => {
    Object.assign(told, { streamSays: onMessage, streamIs: onStatus });
    return { take: ({ id }) => told.tickets.push(id), change: (camera) => told.cameras.push(camera), tellClock: () => {} };
  };
  const options = {
    tracks: NOTHING,
    media: SILENT,
    onMessage: (message) => told.messages.push(message),
    onChange: (changes) => Object.assign(told.changes, changes),
    expected: () => true,
    makePeer,
    makeSocket,
    makeStreams,
  };
  told.room = enterRoom("c1", options, leaving.signal);
  return told;
}

const offer = (epoch, sdp) => ["description", { epoch, kind: "offer", sdp }];

test("each epoch has a connection of its own, and the one before is closed", (t) => {
  const told = room(t);
  told.says("welcome", WELCOME);
  told.says("peer", { epoch: "e1", polite: true });
  told.says("peer", { epoch: "e2", polite: true });
  assert.deepEqual(told.peers.map(({ epoch, closed }) => [epoch, closed]), [["e1", true], ["e2", false]]);
});

test("messages of another epoch are dropped", (t) => {
  const told = room(t);
  told.says("welcome", WELCOME);
  told.says(...offer("e1", "too early"));
  told.says("peer", { epoch: "e2", polite: true });
  told.says(...offer("e1", "too late"));
  told.says(...offer("e2", "in time"));
  told.says("candidate", { epoch: "e1", candidate: "too late" });
  told.says("candidate", { epoch: "e2", candidate: "in time, too" });
  assert.deepEqual(told.peers[0].got, ["in time", "in time, too"]);
});

test("a line that was made again keeps the connection, which says what was lost", (t) => {
  const told = room(t);
  told.says("welcome", WELCOME);
  assert.equal(told.socket.epoch(), null);
  told.says("peer", { epoch: "e1", polite: false });
  assert.equal(told.socket.epoch(), "e1");
  told.says("welcome", WELCOME);
  assert.deepEqual([told.peers.length, told.peers[0].resumed, told.peers[0].closed], [1, 1, false]);
});

test("every welcome is told what is sent, and every change after it", (t) => {
  const told = room(t);
  told.says("welcome", WELCOME);
  const [camera, seen] = [{ kind: "video" }, { camera: true, microphone: false }];
  told.room.change({ camera, microphone: null }, seen);
  told.room.change({ camera, microphone: null }, { ...seen }); // nothing new
  told.says("welcome", WELCOME);
  assert.deepEqual(told.sent, [["media", SILENT], ["media", seen], ["media", seen]]);
});

test("a device that comes later goes to the other person and to the server", (t) => {
  const told = room(t);
  told.says("welcome", WELCOME);
  told.says("peer", { epoch: "e1", polite: false });
  const tracks = { camera: { kind: "video" }, microphone: { kind: "audio" } };
  told.room.change(tracks, { camera: true, microphone: true });
  assert.equal(told.peers[0].tracks, tracks);
  assert.deepEqual(told.cameras, [tracks.camera]);
  told.says("peer", { epoch: "e2", polite: false });
  assert.equal(told.peers[1].tracks, tracks);
});

test("relays are used with their newest credentials", (t) => {
  const told = room(t);
  told.says("welcome", { ...WELCOME, ice_transport_policy: "relay" });
  told.says("peer", { epoch: "e1", polite: false });
  const servers = [{ urls: ["turn:relay.example"], username: "u", credential: "c" }];
  told.says("renewed", { expires_in: 300, ice_servers: servers });
  assert.deepEqual(told.peers[0].ice.ice_servers, servers);
  assert.equal(told.peers[0].ice.ice_transport_policy, "relay");
});

test("what the own stream is told is told as of a run", (t) => {
  const told = room(t);
  told.says("ticket", { purpose: "score", id: "s1" });
  told.streamIs("score", "on");
  told.streamSays("s1", { type: "rep" });
  assert.deepEqual(told.tickets, ["s1"]);
  assert.equal(told.changes.scoring, "on");
  assert.deepEqual(told.messages.at(-1), { type: "live", session_id: "s1", message: { type: "rep" } });
});

test("every other second is told how good the connection is", async (t) => {
  const told = room(t);
  told.says("welcome", WELCOME);
  told.says("peer", { epoch: "e1", polite: false });
  const counted = (s, received) => [{ type: "inbound-rtp", timestamp: s * 1000, packetsReceived: received, packetsLost: 0, bytesReceived: received * 1000 }];
  told.peers[0].samples.push(counted(0, 100), counted(2, 300));
  for (let i = 0; i < 2; i += 1) {
    t.mock.timers.tick(2000);
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.deepEqual(told.changes.quality, { rttMs: null, lossShare: 0, kbitS: 800, level: "good" });
});

test("who leaves says so, and nothing stays open", (t) => {
  const told = room(t);
  told.says("welcome", WELCOME);
  told.says("peer", { epoch: "e1", polite: false });
  told.room.leave();
  assert.equal(told.sent.at(-1)[0], "leave");
  assert.ok(told.peers[0].closed);
  assert.deepEqual([told.changes.status, told.changes.over, told.changes.remote], ["over", "left", null]);
  told.peers[0].onState("closed");
  told.streamIs("score", "lost");
  assert.deepEqual([told.changes.peerState, told.changes.scoring], [null, "off"]);
});

test("a call that the server ends is over once", (t) => {
  const told = room(t);
  told.socket.onOver("ended", null);
  told.room.leave();
  assert.equal(told.changes.over, "ended");
});

test("a page that goes away tells nothing any more", (t) => {
  const told = room(t);
  told.says("welcome", WELCOME);
  told.says("peer", { epoch: "e1", polite: false });
  told.leaving.abort();
  assert.ok(told.peers[0].closed);
  told.socket.onLine("reconnecting", null);
  assert.equal(told.changes.status, undefined);
});
