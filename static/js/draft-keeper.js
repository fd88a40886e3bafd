/** Keeps the words being written on the server, and says who else is at this ticket's desk: both over HTTP alone. */
const SETTLE = 900;
const LONGEST = 3_000;
const BEAT = 7_000;
const OVER = [401, 403, 404, 410];

/** Who is there, in words: `[{name, writing}, …]` as the server tells. */
export function presence(people) {
  return people.map(({ name, writing }) => `${name} ${writing ? 'is writing here' : 'is looking at this too'}.`).join(' ');
}

const differs = (field) =>
  field.type === 'radio' ? field.checked !== field.defaultChecked : 'defaultValue' in field && field.type !== 'hidden' && field.value !== field.defaultValue;

/**
 * `<draft-keeper url form>` with a `[data-present]` line in it: saves the form named, whenever it changes; of what
 * else is typed on the page, or without a form, it only says that somebody writes or looks. `[data-draft]` in the form is told how the words are kept.
 */
export class DraftKeeper extends HTMLElement {
  #form = null;
  #dirty = false;
  #elsewhere = false;
  #signed = 0;
  #soon = 0;
  #since = 0;
  #beat = 0;
  #asking = false;
  #leaving = false;
  #stop = null;

  static define(tag = 'draft-keeper') {
    customElements.get(tag) ?? customElements.define(tag, this);
  }

  connectedCallback() {
    this.#form = document.getElementById(this.getAttribute('form'));
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    this.#dirty = this.#form ? this.#form.hasAttribute('data-came-back') || [...this.#form.elements].some(differs) : false;
    if (!this.#dirty) this.#form?.dispatchEvent(new Event('kept')); // the server has what is shown here
    this.#form?.addEventListener('input', () => this.#typed(), { signal });
    document.addEventListener('input', (input) => this.#wrote(input.target), { signal });
    this.#form?.addEventListener('submit', (submit) => this.#sent(submit), { signal });
    // The page that comes next may have been made before the words arrived: it needs this device's copy.
    addEventListener('beforeunload', () => (this.#leaving = true), { signal });
    addEventListener('pagehide', () => this.#dirty && this.#save({ keepalive: true }), { signal });
    document.addEventListener('visibilitychange', () => document.hidden || this.#save(), { signal });
    this.#beat = setInterval(() => document.hidden || this.#save(), BEAT);
    if (!document.hidden) this.#save();
  }

  disconnectedCallback() {
    this.#stop?.abort();
    clearInterval(this.#beat);
    clearTimeout(this.#soon);
  }

  /** Words of another form, such as a note, stay on this device; that they are being written is told. */
  #wrote(field) {
    if (!field.matches('textarea') || field.form === this.#form) return;
    this.#elsewhere = true;
    if (Date.now() - this.#signed < BEAT) return;
    this.#signed = Date.now();
    this.#save();
  }

  #typed() {
    this.#dirty = true;
    this.#since ||= Date.now();
    clearTimeout(this.#soon);
    this.#soon = setTimeout(() => this.#save(), Math.max(0, Math.min(SETTLE, this.#since + LONGEST - Date.now())));
  }

  /** What is on its way needs no draft; a look at the preview comes back to this form. */
  #sent({ submitter }) {
    if (submitter?.hasAttribute('formaction')) return;
    this.disconnectedCallback();
  }

  async #save({ keepalive = false } = {}) {
    if (this.#asking && !keepalive) return;
    clearTimeout(this.#soon);
    const bare = new URLSearchParams(this.#elsewhere ? { writing: 'yes' } : {});
    const words = this.#dirty ? new URLSearchParams(new FormData(this.#form)) : bare;
    const kept = this.#dirty;
    [this.#dirty, this.#elsewhere, this.#since, this.#asking] = [false, false, 0, true];
    try {
      const answer = await fetch(this.getAttribute('url'), { method: 'PUT', body: words, keepalive, signal: this.#stop.signal });
      if (OVER.includes(answer.status)) return this.disconnectedCallback();
      if (!answer.ok) throw new Error(`draft answered ${answer.status}`);
      this.#tell(await answer.json(), kept);
    } catch {
      this.#dirty ||= kept;
      if (kept && !this.#stop.signal.aborted) this.#say('Kept on this device: the server does not answer.');
    } finally {
      this.#asking = false;
      if (this.#since) this.#typed();
    }
  }

  #tell({ present }, kept) {
    const line = this.querySelector('[data-present]');
    const words = presence(present);
    if (line.textContent.trim() !== words) line.textContent = words;
    if (!kept || this.#dirty) return;
    if (!this.#leaving) this.#form.dispatchEvent(new Event('kept'));
    this.#say('Draft kept.');
  }

  #say(words) {
    const status = this.#form.querySelector('[data-draft]');
    if (status && status.textContent !== words) status.textContent = words;
  }
}

DraftKeeper.define();
