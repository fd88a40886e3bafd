/** Pictures and files dropped or pasted into a form join those chosen in its `<input type="file">`. */

const KB = 1024;

/** The files of a drop or a paste; what was dragged as text is none. */
export function filesOf(transfer) {
  return [...(transfer?.files ?? [])];
}

/** "plan.pdf, 12 KB" */
export function described({ name, size }) {
  return `${name}, ${Math.ceil(size / KB)} KB`;
}

/** `<attach-files>` inside a form, around a file input and a `[data-list]`. */
export class AttachFiles extends HTMLElement {
  #stop = null;

  static define(tag = 'attach-files') {
    customElements.get(tag) ?? customElements.define(tag, this);
  }

  connectedCallback() {
    const form = this.closest('form');
    if (!form) return;
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    this.querySelector('[data-hint]').hidden = false;
    this.#input.addEventListener('change', () => this.#show(), { signal });
    form.addEventListener('dragover', (drag) => this.#hover(drag, form), { signal });
    form.addEventListener('dragleave', () => form.classList.remove('is-dropped-on'), { signal });
    form.addEventListener('drop', (drop) => this.#take(drop, drop.dataTransfer, form), { signal });
    form.addEventListener('paste', (paste) => this.#take(paste, paste.clipboardData, form), { signal });
  }

  disconnectedCallback() {
    this.#stop?.abort();
  }

  get #input() {
    return this.querySelector('input[type="file"]');
  }

  #hover(drag, form) {
    if (![...(drag.dataTransfer?.types ?? [])].includes('Files')) return;
    drag.preventDefault();
    form.classList.add('is-dropped-on');
  }

  #take(event, transfer, form) {
    form.classList.remove('is-dropped-on');
    const files = filesOf(transfer);
    if (!files.length) return;
    event.preventDefault();
    this.#keep([...this.#input.files, ...files]);
    this.querySelector('details').open = true;
  }

  #keep(files) {
    const together = new DataTransfer();
    for (const file of files) together.items.add(file);
    this.#input.files = together.files;
    this.#show();
  }

  #show() {
    const files = [...this.#input.files];
    const rows = files.map((file) => {
      const row = document.createElement('li');
      const button = document.createElement('button');
      button.type = 'button';
      button.className = 'button button--link';
      button.textContent = 'Leave out';
      button.setAttribute('aria-label', `Leave out ${file.name}`);
      button.addEventListener('click', () => this.#keep(files.filter((each) => each !== file)));
      row.append(`${described(file)} `, button);
      row.dataset.chosen = '';
      return row;
    });
    const list = this.querySelector('[data-list]');
    for (const old of list.querySelectorAll('[data-chosen]')) old.remove();
    list.append(...rows);
  }
}

AttachFiles.define();
