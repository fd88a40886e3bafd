/** The form for words and the next promise, by keyboard: a digit picks the promise, Alt + P previews, Ctrl or ⌘ + Enter sends. */
import { fragment } from './page-parts.js';
import { isTyping, singleKeys } from './workspace-keys.js';


/** The digit that a key press means: alone where single keys work, with Alt anywhere; null for every other press. */
export function digitOf({ code, altKey, ctrlKey, metaKey, shiftKey }, needsAlt) {
  const digit = /^(?:Digit|Numpad)([1-9])$/.exec(code)?.[1];
  if (!digit || ctrlKey || metaKey || shiftKey || (needsAlt && !altKey)) return null;
  return digit;
}

/** `<write-keys>` around the form; says in `[data-news]` what came while it is being filled in. */
export class WriteKeys extends HTMLElement {
  #stop = null;
  #watch = null;
  #turn = 0;

  static define(tag = 'write-keys') {
    customElements.get(tag) ?? customElements.define(tag, this);
  }

  connectedCallback() {
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    document.addEventListener('keydown', (press) => this.#press(press), { signal });
    this.addEventListener('submit', (submit) => this.#preview(submit), { signal });
    for (const plain of this.querySelectorAll('[data-plain]')) plain.hidden = true; // drafts keep themselves now
    this.addEventListener('change', (change) => change.target.value === 'date' && this.#askDate(), { signal });
    const timeline = document.querySelector('ticket-timeline .timeline');
    if (!timeline) return;
    this.#watch = new MutationObserver((changes) => this.#heard(changes));
    this.#watch.observe(timeline, { childList: true });
  }

  disconnectedCallback() {
    this.#stop?.abort();
    this.#watch?.disconnect();
  }

  get #form() {
    return this.querySelector('form');
  }

  get #words() {
    return this.querySelector('textarea');
  }

  #press(press) {
    const typing = isTyping(press.target);
    if (press.key === 'Enter' && (press.ctrlKey || press.metaKey)) {
      const form = press.target.closest?.('form');
      if (!form || press.target.matches('a, button, summary')) return; // these have a Ctrl + Enter of their own
      press.preventDefault();
      if (!press.repeat) form.requestSubmit(form.querySelector('[data-send]'));
      return;
    }
    if (press.code === 'KeyP' && press.altKey && !press.ctrlKey && !press.metaKey) {
      press.preventDefault();
      return void this.querySelector('[formaction*="/preview"]').click();
    }
    const digit = digitOf(press, typing || !singleKeys());
    const key = digit && this.querySelector(`[data-key="${digit}"]`);
    if (!key) return;
    press.preventDefault();
    key.checked = true;
    key.dispatchEvent(new Event('input', { bubbles: true }));
    key.dispatchEvent(new Event('change', { bubbles: true }));
    if (!typing && key.value !== 'date') key.focus();
  }

  /** Ask the server how the words will read and show its answer here; the focus goes there unless they went on writing. */
  async #preview(submit) {
    const asked = submit.submitter?.getAttribute('formaction') ?? '';
    if (!asked.includes('/preview')) return;
    submit.preventDefault();
    const [turn, held, words] = [++this.#turn, document.activeElement, this.#words.value];
    const answer = await fetch(asked.split('#')[0], { method: 'POST', body: new URLSearchParams(new FormData(this.#form)) });
    const fresh = fragment(await answer.text()).querySelector('#write [data-preview]');
    if (turn !== this.#turn) return;
    if (fresh) this.querySelector('[data-preview]').replaceWith(fresh);
    if (document.activeElement === held && this.#words.value === words) (this.querySelector('#preview') ?? this.#words).focus();
  }

  #askDate() {
    this.querySelector('input[type="datetime-local"]')?.focus();
  }

  /** New entries are on the page and named beside the button: from here on they count as seen. */
  #heard(changes) {
    const seen = Number(this.#form.elements.seen.value);
    const fresh = changes.flatMap((change) => [...change.addedNodes]).filter((each) => Number(each.dataset?.seq) > seen);
    const last = fresh.at(-1);
    if (!last) return;
    const link = document.createElement('a');
    link.href = `#${last.id}`;
    link.textContent = last.querySelector('.entry__by, p')?.textContent.replace(/\s+/g, ' ').trim() ?? '';
    this.querySelector('[data-news]').replaceChildren('New while you write: ', link);
    const { version } = document.getElementById('head')?.dataset ?? {};
    for (const form of document.querySelectorAll('form:has(> [name="seen"])')) {
      form.elements.seen.value = last.dataset.seq;
      if (version) form.elements.version.value = version;
    }
  }
}

WriteKeys.define();
