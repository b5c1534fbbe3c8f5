/** A server's sockets without a server: a test says what comes, and sees what was sent. */

export class FakeSocket extends EventTarget {
  readyState = 0;
  sent = [];
  closed = false;

  constructor(address) {
    super();
    this.address = address;
  }

  send(data) {
    this.sent.push(JSON.parse(data));
  }

  close() {
    this.closed = true;
    this.readyState = 2;
  }

  opens() {
    this.readyState = 1;
    this.dispatchEvent(new Event("open"));
  }

  says(type, fields = {}) {
    const data = JSON.stringify({ v: 1, type, ...fields });
    this.dispatchEvent(Object.assign(new Event("message"), { data }));
  }

  breaks(code = 1006) {
    this.readyState = 3;
    this.dispatchEvent(Object.assign(new Event("close"), { code }));
  }
}

export const WELCOME = {
  call_id: "c1",
  role: "member",
  name: "Mia",
  ice_servers: [],
  ice_transport_policy: "all",
  expires_in: 300,
};

/** Let everything go on that waits for nothing but promises. */
export const settled = async () => {
  for (let i = 0; i < 20; i += 1) await Promise.resolve();
};
