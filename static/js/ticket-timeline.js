/** A ticket's timeline that grows by itself: sockets hint, HTTP tells, nothing is lost or shown twice. */
import { say } from './live-status.js';
import { fragment, judge, reloadPage, swap, upsert } from './page-parts.js';
import { pageSocket } from './socket.js';
import { refresh } from './times.js';

const POLL_EVERY = 5_000;
const ASK_AGAIN = 500;
const SPREAD = 2_000;
const LONG_HIDDEN = 20_000;
/** When one of these comes, or is hidden, earlier entries may name the customer by another name, or by none. */
const RENAMES = '[data-kind="visibility_changed"]';
const NOT_YOURS = [401, 403, 404, 410];

export class TicketTimeline extends HTMLElement {
  #ref = '';
  #last = 0;
  #heard = 0;
  #renamed = 0;
  #renewed = 0;
  #asking = null;
  #poll = 0;
  #hiddenAt = Infinity;
  #socket = null;
  #stop = null;

  static define(tag = 'ticket-timeline') {
    customElements.get(tag) ?? customElements.define(tag, this);
  }

  connectedCallback() {
    this.#ref = this.getAttribute('ref');
    if (!this.#ref) return;
    this.#last = Number(this.getAttribute('last'));
    this.#stop = new AbortController();
    this.#socket = pageSocket();
    this.#listen(this.#stop.signal);
    this.querySelector('[data-newer]')?.remove(); // they come by themselves
    if (this.#socket.up) this.#watch();
  }

  disconnectedCallback() {
    this.#pollEvery(0);
    this.#stop?.abort();
  }

  #listen(signal) {
    const heard = {
      up: () => this.#watch(),
      down: () => this.#fallBack(),
      event: (event) => event.ref === this.#ref && this.#take(event),
      gone: ({ ref }) => ref === this.#ref && this.#end(),
    };
    for (const [name, listener] of Object.entries(heard)) signal.addEventListener('abort', this.#socket.on(name, listener));
    addEventListener('online', () => this.#return(), { signal });
    addEventListener('pageshow', (shown) => shown.persisted && this.#return(), { signal });
    document.addEventListener('visibilitychange', () => this.#seen(), { signal });
  }

  #seen() {
    if (document.hidden) this.#hiddenAt = Date.now();
    else if (Date.now() - this.#hiddenAt > LONG_HIDDEN) this.#return();
  }

  #return() {
    this.#socket.nudge();
    this.#ask();
  }

  async #watch() {
    try {
      const pass = this.hasAttribute('pass-url') ? await this.#pass() : undefined;
      const answer = await this.#socket.request('watch', { ref: this.#ref, after: this.#last, pass, html: true });
      if (answer.error) throw new Error(answer.error);
      if (answer.epoch !== this.getAttribute('epoch')) return reloadPage();
      for (const event of answer.events) this.#take(event);
      if (answer.more || answer.last > this.#last) await this.#ask();
      this.#pollEvery(0);
      say(this.#status, 'live');
    } catch {
      this.#fallBack();
      this.#ask();
    }
  }

  async #pass() {
    const answer = await fetch(this.getAttribute('pass-url'), { method: 'POST', signal: this.#stop.signal });
    return answer.ok ? (await answer.json()).pass : undefined;
  }

  #take(event) {
    this.#heard = Math.max(this.#heard, event.seq);
    const verdict = judge(event, this.#last);
    if (verdict === 'drop') return;
    if (verdict === 'ask' || event.html === undefined) return void this.#ask();
    this.#show(fragment(`${event.head ?? ''}${event.replaces?.html ?? ''}${event.html}`), event.seq);
    if (this.#isOutdated) setTimeout(() => this.#isOutdated && this.#ask(), Math.random() * SPREAD);
  }

  #show(parts, last, isAgain = false) {
    const [head, old] = [parts.querySelector('#head'), document.getElementById('head')];
    refresh(parts);
    if (head && old) swap(old, head);
    for (const entry of parts.querySelectorAll('li[data-seq]')) {
      if (entry.matches(RENAMES) && (!isAgain || entry.dataset.seq > this.#last)) this.#renamed = last;
      upsert(this.querySelector('.timeline'), entry);
    }
    this.#last = Math.max(this.#last, last);
  }

  get #isOutdated() {
    return this.#renamed > this.#renewed;
  }

  /** Ask HTTP for what came after the last entry shown; whoever asks meanwhile shares the answer. */
  async #ask() {
    this.#asking ??= this.#fetch().finally(() => (this.#asking = null));
    try {
      await this.#asking;
    } catch {
      if (!this.#stop.signal.aborted) this.#fallBack('stale');
      return;
    }
    if (this.#poll) say(this.#status, 'polling');
    if (this.#heard > this.#last) setTimeout(() => this.#heard > this.#last && this.#ask(), ASK_AGAIN);
  }

  async #fetch() {
    const [isAgain, upTo] = [this.#isOutdated, this.#last];
    let after = isAgain ? this.querySelector('li[data-seq]').dataset.seq - 1 : upTo;
    for (let more = true; more; ) {
      const answer = await fetch(`/t/${this.#ref}/entries?after=${after}`, { signal: this.#stop.signal });
      if (NOT_YOURS.includes(answer.status)) return this.#end();
      if (!answer.ok) throw new Error(`entries answered ${answer.status}`);
      const parts = fragment(await answer.text());
      const { epoch, last, more: rest } = parts.querySelector('ol[data-epoch]').dataset;
      if (epoch !== this.getAttribute('epoch')) return reloadPage();
      this.#show(parts, Number(last), isAgain);
      [after, more] = [last, rest === '1'];
    }
    if (isAgain) this.#renewed = upTo;
    if (this.#isOutdated) await this.#fetch();
  }

  #fallBack(state = 'reconnecting') {
    if (state === 'stale' || this.#status.dataset.state === 'live') say(this.#status, state);
    if (!this.#poll) this.#pollEvery(POLL_EVERY);
  }

  #pollEvery(wait) {
    clearInterval(this.#poll);
    this.#poll = wait && setInterval(() => document.hidden || (this.#socket.up ? this.#watch() : this.#ask()), wait);
  }

  #end() {
    this.disconnectedCallback();
    say(this.#status, 'gone');
  }

  get #status() {
    return this.querySelector('[role="status"]');
  }
}

TicketTimeline.define();
