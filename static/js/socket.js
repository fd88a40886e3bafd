/**
 * A small Socket.IO 5 client over Engine.IO 4, WebSocket only: connect, acknowledged requests, events, back-off.
 * Wire: https://socket.io/docs/v4/engine-io-protocol/ and https://socket.io/docs/v4/socket-io-protocol/
 */
const FIRST_WAIT = 500;
const LONGEST_WAIT = 30_000;
const ACK_WAIT = 10_000;

/** How long to wait before try number `attempt` (0, 1, …), in ms: doubling, spread over half to one and a half. */
export function backOff(attempt, random = Math.random) {
  const wait = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** attempt);
  return Math.round(wait * (0.5 + random()));
}

/** The parts of one text frame, or null for what we don't speak (binary, other namespaces). */
export function decode(frame) {
  if (typeof frame !== 'string' || !frame) return null;
  if (frame[0] === '0') return { type: 'open', payload: parse(frame.slice(1)) };
  if (frame[0] === '1') return { type: 'close' };
  if (frame[0] === '2') return { type: 'ping' };
  if (frame[0] !== '4' || frame[2] === '/') return null;
  const [, digits, rest] = /^(\d*)([\s\S]*)$/.exec(frame.slice(2));
  const type = { 0: 'connect', 1: 'disconnect', 2: 'event', 3: 'ack', 4: 'refused' }[frame[1]];
  return type ? { type, id: digits === '' ? null : Number(digits), payload: rest ? parse(rest) : null } : null;
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Events: `up`, `down {refused}`, and whatever the server names: `on(name, listener)` gives back its undoing. */
export class Socket {
  /** True between the handshake and the loss of the wire. */
  up = false;
  #address;
  #listeners = new Map();
  #waiting = new Map();
  #wire = null;
  #wanted = false;
  #attempt = 0;
  #nextId = 0;
  #retry = 0;
  #silence = 0;
  #patience = 60_000;
  #hold = 0;

  constructor(origin = location.origin) {
    this.#address = `${origin.replace(/^http/, 'ws')}/socket.io/?EIO=4&transport=websocket`;
  }

  on(name, listener) {
    const known = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, known.add(listener));
    return () => known.delete(listener);
  }

  open() {
    this.#wanted = true;
    if (this.#wire) return;
    clearTimeout(this.#retry);
    const wire = (this.#wire = new WebSocket(this.#address));
    wire.onmessage = (message) => this.#wire === wire && this.#read(message.data);
    wire.onclose = () => this.#wire === wire && this.#lost();
    this.#listen(ACK_WAIT);
  }

  close() {
    this.#wanted = false;
    clearTimeout(this.#retry);
    this.#wire?.close();
    if (this.#wire) this.#lost();
  }

  /** Try again now: the network is said to be back, or the reader has returned. */
  nudge() {
    this.#attempt = 0;
    if (this.#wanted && !this.#wire) this.open();
  }

  /** Send an event and promise the server's answer; rejects when the wire is lost or nothing comes in time. */
  request(name, payload, wait = ACK_WAIT) {
    if (!this.up) return Promise.reject(new Error('not connected'));
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#settle(id, null, new Error(`no answer to ${name}`)), wait);
      this.#waiting.set(id, { resolve, reject, timer });
      this.#wire.send(`42${id}${JSON.stringify([name, payload])}`);
    });
  }

  #read(frame) {
    this.#listen(this.#patience);
    const packet = decode(frame);
    if (packet?.type === 'open') {
      this.#patience = (packet.payload?.pingInterval ?? 25_000) + (packet.payload?.pingTimeout ?? 20_000);
      this.#wire.send('40');
    } else if (packet?.type === 'ping') this.#wire.send('3');
    else if (packet?.type === 'connect') {
      [this.up, this.#attempt] = [true, 0];
      this.#tell('up');
    } else if (packet?.type === 'ack') this.#settle(packet.id, packet.payload?.[0]);
    else if (packet?.type === 'event') {
      const [name, payload] = packet.payload ?? [];
      // Said before the server goes: stay away that long, then come back spread out.
      if (name === 'retry') this.#hold = Number(payload?.ms) || 0;
      this.#tell(name, payload);
    } else if (['close', 'disconnect', 'refused'].includes(packet?.type)) this.#wire.close();
  }

  #settle(id, answer, error) {
    const { resolve, reject, timer } = this.#waiting.get(id) ?? {};
    this.#waiting.delete(id);
    clearTimeout(timer);
    if (error) reject?.(error);
    else resolve?.(answer);
  }

  #listen(wait) {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => (this.#wire?.close(), this.#lost()), wait);
  }

  #lost() {
    const wasUp = this.up;
    this.#wire = null;
    this.up = false;
    clearTimeout(this.#silence);
    for (const id of [...this.#waiting.keys()]) this.#settle(id, null, new Error('connection lost'));
    if (this.#wanted) this.#retry = setTimeout(() => this.open(), this.#hold + backOff(this.#attempt++));
    this.#hold = 0;
    this.#tell('down', { refused: !wasUp });
  }

  #tell(name, payload) {
    for (const listener of this.#listeners.get(name) ?? []) listener(payload);
  }
}

let common;

/** The one socket of this page, opened on first use. */
export function pageSocket() {
  common ??= new Socket();
  common.open();
  return common;
}
