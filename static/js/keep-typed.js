/** Keeps what is typed into a form until it has arrived: a reload, a lost connection or a closed tab costs nothing. */
const KEPT_FOR = 7 * 86_400_000;
const SETTLE = 300;
const NOT_KEPT = 'input[type="hidden"], input[type="password"], input[type="file"], [autocomplete="off"], [autocomplete="one-time-code"]';

/** Named by where the form goes, not by where it stands: one that comes back with errors stands at another address. */
export function keyOf(form, page = location) {
  return `typed:${new URL(form.action, page.href).pathname}:${form.id}`;
}

function fields(form) {
  return [...form.elements].filter((each) => each.name && 'value' in each && each.tagName !== 'BUTTON' && !each.matches(NOT_KEPT));
}

const checkable = (field) => field.type === 'checkbox' || field.type === 'radio';
const untouched = (field) =>
  checkable(field) ? field.checked === field.defaultChecked : field.tagName === 'SELECT' ? true : field.value === field.defaultValue;

/** The form's typed values: `[[name, value, checked?], …]`, only what differs from what the server sent. */
export function typed(form) {
  return fields(form)
    .filter((field) => (field.tagName === 'SELECT' ? ![...field.options].every((each) => each.selected === each.defaultSelected) : !untouched(field)))
    .map((field) => (checkable(field) ? [field.name, field.value, field.checked] : [field.name, field.value]));
}

/** Put values back where the reader has typed nothing since; says whether anything was put back. */
export function restore(form, values) {
  let restored = false;
  for (const [name, value, checked] of values) {
    const field = fields(form).find((each) => each.name === name && (!checkable(each) || each.value === value));
    if (!field || !untouched(field)) continue;
    if (checkable(field)) field.checked = checked;
    else field.value = value;
    restored = true;
  }
  return restored;
}

/**
 * A form that arrived was answered by a redirect; a page with errors, or none at all, was not.
 * So: forget a sent form on the first page that a redirect led to.
 */
export function arrived(navigation) {
  return Boolean(navigation && navigation.redirectCount > 0);
}

function storage(act) {
  try {
    return act();
  } catch {
    return null; // storage is full or forbidden: typing goes on without it
  }
}

function forgetSent() {
  const sent = sessionStorage.getItem('typed-sent');
  if (sent && arrived(performance.getEntriesByType('navigation')[0])) localStorage.removeItem(sent);
  sessionStorage.removeItem('typed-sent');
}

export class KeepTyped extends HTMLElement {
  #soon = 0;
  #stop = null;
  #sent = false;

  static define(tag = 'keep-typed') {
    customElements.get(tag) ?? customElements.define(tag, this);
  }

  connectedCallback() {
    const form = this.querySelector('form');
    if (!form) return;
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    const key = keyOf(form);
    const hasBegun = typed(form).length > 0;
    storage(() => this.#restore(form, key));
    if (hasBegun) this.#keepSoon(form, key); // what was typed before this script had come
    form.addEventListener('input', () => this.#keepSoon(form, key), { signal });
    form.addEventListener('submit', () => this.#send(form, key), { signal });
    form.addEventListener('kept', () => this.#forget(key), { signal }); // the server has it, newer than any copy here
    addEventListener('pagehide', () => this.#soon && this.#keep(form, key), { signal });
  }

  disconnectedCallback() {
    this.#stop?.abort();
    clearTimeout(this.#soon);
  }

  #restore(form, key) {
    const kept = JSON.parse(localStorage.getItem(key) ?? 'null');
    if (!kept) return;
    if (Date.now() - kept.at > KEPT_FOR) localStorage.removeItem(key);
    else if (restore(form, kept.values)) this.#say('What you had typed is back.');
  }

  #keepSoon(form, key) {
    clearTimeout(this.#soon);
    this.#sent = false;
    this.#soon = setTimeout(() => this.#keep(form, key), SETTLE);
  }

  #keep(form, key) {
    clearTimeout(this.#soon);
    this.#soon = 0;
    const values = typed(form);
    storage(() => (values.length ? localStorage.setItem(key, JSON.stringify({ at: Date.now(), values })) : localStorage.removeItem(key)));
    if (!this.#sent) this.#say(values.length ? 'Kept on this device until it is sent.' : '');
  }

  #send(form, key) {
    this.#sent = true;
    this.#keep(form, key);
    storage(() => sessionStorage.setItem('typed-sent', key));
  }

  #forget(key) {
    clearTimeout(this.#soon);
    this.#soon = 0;
    storage(() => localStorage.removeItem(key));
  }

  #say(words) {
    const status = this.querySelector('[data-kept]');
    if (status && status.textContent !== words) status.textContent = words;
  }
}

storage(forgetSent);
KeepTyped.define();
