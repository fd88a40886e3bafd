/** `<badge-builder tried>`: shows at once what its forms choose: script, picture and frame, on light and on dark. */
const PAUSE = 200;
const AWAY = 'This choice can’t be shown just now: you seem to be offline, or we don’t answer. Nothing is lost; it is tried again when you are online, or change something.';
/** What each form of an embed depends on, beside its theme. */
const DEPENDS = {
  facts: ['variant', 'title', 'picks'],
  frame: ['variant', 'title', 'picks'],
  picture: ['variant', 'title', 'label', 'style', 'labelColor', 'color', 'picks'],
};

export class BadgeBuilder extends HTMLElement {
  #stop = null;
  #timer = 0;
  #turn = 0;

  static define(tag = 'badge-builder') {
    customElements.get(tag) ?? customElements.define(tag, this);
  }

  connectedCallback() {
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    this.addEventListener('input', () => this.#soon(), { signal });
    addEventListener('message', (told) => this.#fit(told), { signal });
    addEventListener('online', () => this.#away.textContent && this.#soon(), { signal });
    if (!this.hasAttribute('kept')) this.#show(); // what is kept stays as it stands until something else is chosen
  }

  disconnectedCallback() {
    this.#stop.abort();
    clearTimeout(this.#timer);
  }

  #soon() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => (this.#show(), this.#rewrite()), PAUSE);
  }

  /** What the forms say; a desk's has no variant, for it has walls only. */
  #chosen() {
    const fields = [...this.querySelectorAll('form')].flatMap((form) => [...new FormData(form)]);
    const chosen = new URLSearchParams(fields.filter(([, value]) => value));
    if (!chosen.has('variant')) chosen.set('variant', 'wall');
    return chosen;
  }

  async #show() {
    const chosen = this.#chosen();
    const turn = (this.#turn += 1);
    const text = await this.#ask(this.#address('facts', chosen));
    if (turn !== this.#turn || !text) return;
    for (const { pane, theme } of this.#panes(chosen)) {
      pane.dataset.variant = chosen.get('variant');
      this.#point(pane.querySelector('img'), this.#address('picture', chosen, theme));
      this.#point(pane.querySelector('iframe'), this.#address('frame', chosen, theme));
    }
    await customElements.whenDefined('ticket-badge');
    if (turn !== this.#turn) return;
    const facts = JSON.parse(text);
    const [variant, size, lang] = ['variant', 'size', 'lang'].map((name) => chosen.get(name));
    for (const { pane, theme } of this.#panes(chosen)) {
      const badge = wearing(facts, { variant, size, lang, theme });
      const show = () => turn === this.#turn && pane.querySelector('ticket-badge').replaceWith(badge);
      badge.addEventListener('load', show, { once: true }); // drawn: nothing flickers
    }
  }

  #panes(chosen) {
    const wanted = chosen.get('theme');
    return [...this.querySelectorAll('[data-light]')].map((pane) => ({ pane, theme: wanted === 'auto' ? pane.dataset.light : wanted }));
  }

  #address(form, chosen, theme) {
    const asked = new URLSearchParams(theme ? { theme } : {});
    const isWall = chosen.get('variant') === 'wall';
    for (const name of DEPENDS[form]) if (isWall || !/title|picks/.test(name)) for (const value of chosen.getAll(name)) asked.append(name, value);
    return `${this.getAttribute('tried')}/${form}?${asked}`;
  }

  get #away() {
    return this.querySelector('[data-away]');
  }

  /** What an address answers, as text; nothing while it can't: then the page says so, and what it showed stays. */
  async #ask(address) {
    const text = await fetch(address).then(
      (answer) => (answer.ok ? answer.text() : ''),
      () => '',
    );
    this.#away.textContent = text ? '' : AWAY;
    return text;
  }

  #point(shown, address) {
    if (shown.getAttribute('src') !== address) shown.setAttribute('src', address);
  }

  /** The lines to copy, as this page writes them when it is asked with the same choices. */
  async #rewrite() {
    const form = this.querySelector('form[method=get]');
    if (!form) return;
    const turn = this.#turn;
    const text = await this.#ask(`${new URL(form.action).pathname}?${new URLSearchParams(new FormData(form))}`);
    const page = new DOMParser().parseFromString(text, 'text/html');
    const [old, fresh] = [this, page.getElementById(this.id)].map((one) => one?.querySelector('.snippets'));
    if (turn === this.#turn && fresh && fresh.textContent !== old.textContent) old.replaceWith(fresh);
  }

  #fit({ source, data, origin }) {
    const frame = [...this.querySelectorAll('iframe')].find((one) => one.contentWindow === source);
    if (frame && origin === location.origin && data?.type === 'nameplate-height') frame.height = Math.min(data.height, 2000);
  }
}

/** A badge that is handed what it shows, so that it asks for nothing: there is no embed yet. */
function wearing(facts, look) {
  const badge = document.createElement('ticket-badge');
  badge.ticket = { id: 'tried', path: 'timeline', facts, isWatched: true, seen: new Set([badge]), next: Infinity, hint: 0 };
  for (const [name, value] of Object.entries({ ...look, embed: 'tried' })) if (value) badge.setAttribute(name, value);
  return badge;
}

BadgeBuilder.define();
