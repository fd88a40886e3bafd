/** Says that who has the ticket is writing, while they are: hidden again when nothing more is heard, or the word comes. */
import { pageSocket } from './socket.js';

/** `<is-writing ref>` around an empty `role="status"` line. */
export class IsWriting extends HTMLElement {
  #until = 0;
  #stop = null;

  static define(tag = 'is-writing') {
    customElements.get(tag) ?? customElements.define(tag, this);
  }

  connectedCallback() {
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    const heard = {
      writing: ({ ref, name, ms }) => ref === this.getAttribute('ref') && this.#show(name, ms),
      event: ({ ref }) => ref === this.getAttribute('ref') && this.#show(null),
      down: () => this.#show(null),
    };
    for (const [name, listener] of Object.entries(heard)) signal.addEventListener('abort', pageSocket().on(name, listener));
  }

  disconnectedCallback() {
    this.#stop?.abort();
    clearTimeout(this.#until);
  }

  #show(name, ms) {
    clearTimeout(this.#until);
    const words = name ? `${name} is writing` : '';
    const line = this.firstElementChild;
    if (line.textContent !== words) line.textContent = words;
    if (name) this.#until = setTimeout(() => this.#show(null), ms);
  }
}

IsWriting.define();
