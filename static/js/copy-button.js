/** `<copy-button for="id"><button hidden>Copy</button></copy-button>`: copies that element's text, and says so. */
const SAID_FOR = 2_500;

export class CopyButton extends HTMLElement {
  #stop = null;
  #timer = 0;
  #words = '';

  static define(tag = 'copy-button') {
    customElements.get(tag) ?? customElements.define(tag, this);
  }

  connectedCallback() {
    const button = this.querySelector('button');
    if (!button) return;
    this.#stop = new AbortController();
    this.#words ||= button.textContent;
    button.hidden = false;
    button.setAttribute('aria-live', 'polite');
    button.addEventListener('click', () => this.#copy(button), { signal: this.#stop.signal });
  }

  disconnectedCallback() {
    this.#stop?.abort();
    clearTimeout(this.#timer);
  }

  async #copy(button) {
    const source = document.getElementById(this.getAttribute('for'));
    try {
      await navigator.clipboard.writeText(source.value ?? source.textContent);
      button.textContent = 'Copied';
    } catch {
      getSelection().selectAllChildren(source);
      button.textContent = 'Selected: copy it with your keyboard';
    }
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => (button.textContent = this.#words), SAID_FOR);
  }
}

CopyButton.define();
