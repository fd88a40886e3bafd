/** A list that asks its own page again when something in it changed, and swaps itself for the answer. */
import { fragment, swap } from './page-parts.js';
import { pageSocket } from './socket.js';
import { refresh } from './times.js';

const SETTLE = 400;
const TRY_AGAIN = 4_000;
const POLL_EVERY = 30_000;
const LONG_HIDDEN = 20_000;

/**
 * `<live-list id [desk] [pass-url] [titled]>` around one element: watches the public list (of one desk), or with `pass-url` the reader's queue;
 * `titled` takes the page's title along (a queue's count). Without a socket that watches it asks every half a minute.
 */
export class LiveList extends HTMLElement {
  #stop = null;
  #soon = 0;
  #poll = 0;
  #hiddenAt = Infinity;
  #missed = false;
  #turn = 0;

  static define(tag = 'live-list') {
    customElements.get(tag) ?? customElements.define(tag, this);
  }

  connectedCallback() {
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    const socket = pageSocket();
    signal.addEventListener('abort', socket.on('up', () => this.#watch(socket)));
    signal.addEventListener('abort', socket.on('down', () => this.#fallBack(socket)));
    signal.addEventListener('abort', socket.on('gone', ({ ref, embed }) => ref ?? embed ?? this.#fallBack(socket)));
    signal.addEventListener('abort', socket.on('changed', () => this.#changed()));
    addEventListener('online', () => socket.nudge(), { signal });
    document.addEventListener('visibilitychange', () => this.#seen(), { signal });
    if (socket.up) this.#watch(socket);
  }

  disconnectedCallback() {
    this.#stop.abort();
    clearTimeout(this.#soon);
    clearInterval(this.#poll);
  }

  #seen() {
    if (document.hidden) this.#hiddenAt = Date.now();
    else if (this.#missed || Date.now() - this.#hiddenAt > LONG_HIDDEN) this.#changed();
  }

  async #watch(socket) {
    try {
      const { error } = await (this.hasAttribute('pass-url') ? this.#watchQueue(socket) : socket.request('watch_list', { desk: this.getAttribute('desk') }));
      if (error) throw new Error(error);
      if (this.#missed || this.#poll) this.#changed();
      this.#poll = clearInterval(this.#poll);
    } catch {
      this.#fallBack(socket);
    }
  }

  async #watchQueue(socket) {
    const answer = await fetch(this.getAttribute('pass-url'), { method: 'POST', signal: this.#stop.signal });
    return answer.ok ? socket.request('watch_queue', { pass: (await answer.json()).pass }) : { error: answer.status };
  }

  /** Nobody tells this list anything: ask its page now and then, and to be told again. */
  #fallBack(socket) {
    if (this.#stop.signal.aborted) return;
    this.#missed = true;
    this.#poll ||= setInterval(() => (socket.up && this.#watch(socket), this.#changed()), POLL_EVERY * (0.75 + Math.random() / 2));
  }

  #changed(wait = SETTLE) {
    if (this.#soon || this.#stop.signal.aborted) return;
    this.#soon = setTimeout(() => this.#again(), wait * (0.5 + Math.random()));
  }

  async #again() {
    const turn = ++this.#turn;
    this.#soon = 0;
    this.#missed = document.hidden && !this.hasAttribute('titled');
    if (this.#missed) return;
    try {
      const answer = await fetch(location.href, { signal: this.#stop.signal, headers: { Accept: 'text/html' } });
      if (answer.status >= 500) throw new Error(`the list answered ${answer.status}`);
      const html = await answer.text();
      if (!answer.ok || turn !== this.#turn) return; // an answer that was overtaken shows less
      const fresh = fragment(html).querySelector(`live-list#${CSS.escape(this.id)}`);
      if (!fresh) return;
      if (this.hasAttribute('titled')) document.title = new DOMParser().parseFromString(html, 'text/html').title;
      swap(this.firstElementChild, fresh.firstElementChild);
      refresh(this);
    } catch {
      this.#missed = true;
      this.#changed(TRY_AGAIN);
    }
  }
}

LiveList.define();
