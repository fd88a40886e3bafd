/** `<badge-builder>`: shows what a form chooses before it is kept: its badge, picture and frame, on light and on dark. */
export class BadgeBuilder extends HTMLElement {
  #stop = null;

  static define(tag = 'badge-builder') {
    customElements.get(tag) ?? customElements.define(tag, this);
  }

  connectedCallback() {
    this.#stop = new AbortController();
    this.addEventListener('change', () => this.#show(true), { signal: this.#stop.signal });
    addEventListener('message', (told) => this.#fit(told), { signal: this.#stop.signal });
    this.#show();
  }

  disconnectedCallback() {
    this.#stop.abort();
  }

  /** What is kept stays as the server wrote it until something else is chosen. */
  #show(isChosen = false) {
    const { form } = this.querySelector('[name=theme]');
    const variant = form.querySelector('[name=variant]:checked')?.value ?? 'wall';
    const chosen = form.querySelector('[name=theme]').value;
    form.querySelector('[data-wall]').hidden = variant !== 'wall';
    // A wall and a badge are made of other facts: of what changes into the other only the frame is seen before it is kept.
    const isWall = variant === 'wall';
    const isOther = isWall !== (this.getAttribute('saved') === 'wall');
    for (const note of this.querySelectorAll('[data-later]')) note.hidden = !isOther;
    for (const made of this.querySelectorAll('[data-made]')) made.hidden = isOther;
    for (const pane of this.querySelectorAll('[data-light]')) {
      const theme = chosen === 'auto' ? pane.dataset.light : chosen;
      const badge = pane.querySelector('ticket-badge');
      for (const [name, value] of Object.entries({ variant, theme })) if (badge && badge.getAttribute(name) !== value) badge.setAttribute(name, value);
      const frame = pane.querySelector('iframe');
      const framed = isWall ? this.#wall(form, theme) : `${this.getAttribute('card')}?variant=${variant}&theme=${theme}`;
      if ((isChosen || isOther) && frame.getAttribute('src') !== framed) frame.setAttribute('src', framed);
      for (const shown of pane.querySelectorAll('img')) this.#point(shown, { theme });
    }
  }

  /** The address of a wall as the form has it, kept or not. */
  #wall(form, theme) {
    const asked = new URLSearchParams([...new FormData(form)].filter(([name]) => /picks|title/.test(name)));
    return `${this.getAttribute('wall')}?${asked}&theme=${theme}`;
  }

  /** Another look is another address of the same thing. */
  #point(shown, asked) {
    const address = new URL(shown.getAttribute('src'), location.href);
    for (const name in asked) if (address.searchParams.has(name)) address.searchParams.set(name, asked[name]);
    const wanted = address.pathname + address.search;
    if (shown.getAttribute('src') !== wanted) shown.setAttribute('src', wanted);
  }

  #fit({ source, data, origin }) {
    const frame = [...this.querySelectorAll('iframe')].find((one) => one.contentWindow === source);
    if (frame && origin === location.origin && data?.type === 'nameplate-height') frame.height = Math.min(data.height, 2000);
  }
}

BadgeBuilder.define();
