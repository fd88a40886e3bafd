/** A list that asks its own page again when something in it changed, and swaps itself for the answer. */
import { fragment, swap } from './page-parts.js';
import { pageSocket } from './socket.js';
import { refresh } from './times.js';

const SETTLE = 400;
const LONG_HIDDEN = 20_000;

/**
 * `<live-list id [desk] [pass-url] [titled]>` around one element: watches the public list (of one desk), or with `pass-url` the reader's queue;
 * `titled` takes the page's title along (a queue's count). Without sockets it stays as it is.
 */
export class LiveList extends HTMLElement {
  #stop = null;
  #soon = 0;
  #hiddenAt = Infinity;
  #missed = false;

  static define(tag = 'live-list') {
    customElements.get(tag) ?? customElements.define(tag, this);
  }

  connectedCallback() {
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    const socket = pageSocket();
    signal.addEventListener('abort', socket.on('up', () => this.#watch(socket)));
    signal.addEventListener('abort', socket.on('down', () => (this.#missed = true)));
    signal.addEventListener('abort', socket.on('changed', () => this.#changed()));
    addEventListener('online', () => socket.nudge(), { signal });
    document.addEventListener('visibilitychange', () => this.#seen(), { signal });
    if (socket.up) this.#watch(socket);
  }

  disconnectedCallback() {
    this.#stop.abort();
    clearTimeout(this.#soon);
  }

  #seen() {
    if (document.hidden) this.#hiddenAt = Date.now();
    else if (this.#missed || Date.now() - this.#hiddenAt > LONG_HIDDEN) this.#changed();
  }

  async #watch(socket) {
    try {
      if (this.hasAttribute('pass-url')) {
        const answer = await fetch(this.getAttribute('pass-url'), { method: 'POST', signal: this.#stop.signal });
        if (answer.ok) await socket.request('watch_queue', { pass: (await answer.json()).pass });
      } else await socket.request('watch_list', this.hasAttribute('desk') ? { desk: this.getAttribute('desk') } : {});
      if (this.#missed) this.#changed();
    } catch {
      this.#missed = true;
    }
  }

  #changed() {
    if (this.#soon) return;
    this.#soon = setTimeout(() => this.#again(), SETTLE * (0.5 + Math.random()));
  }

  async #again() {
    this.#soon = 0;
    this.#missed = document.hidden && !this.hasAttribute('titled');
    if (this.#missed) return;
    try {
      const answer = await fetch(location.href, { signal: this.#stop.signal, headers: { Accept: 'text/html' } });
      if (!answer.ok) return;
      const html = await answer.text();
      const fresh = fragment(html).querySelector(`live-list#${CSS.escape(this.id)}`);
      if (this.hasAttribute('titled')) document.title = new DOMParser().parseFromString(html, 'text/html').title;
      if (fresh) swap(this.firstElementChild, fresh.firstElementChild);
      refresh(this);
    } catch {
      this.#missed = true;
    }
  }
}

LiveList.define();
