/** Pictures and files dropped or pasted into a form join those chosen in its `<input type="file">`; large pictures
 * are made small before they leave. */

const KB = 1024;
const MB = KB * KB;
/** The longest side of a picture that is kept. */
const SIDE = 2000;
const QUALITY = 0.85;
const DRAWN = { 'image/jpeg': 'image/jpeg', 'image/png': 'image/png', 'image/webp': 'image/webp' };

/** The files of a drop or a paste; what was dragged as text is none. */
export function filesOf(transfer) {
  return [...(transfer?.files ?? [])];
}

/** "plan.pdf, 12 KB" */
export function described({ name, size }) {
  return `${name}, ${Math.ceil(size / KB)} KB`;
}

/** A picture no larger than is kept, upright; any other file as it is, and what this browser can't draw too. */
export async function shrunk(file) {
  if (!DRAWN[file.type]) return file;
  try {
    const picture = await createImageBitmap(file);
    const scale = SIDE / Math.max(picture.width, picture.height);
    if (scale >= 1) return file;
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [picture.width, picture.height].map((side) => Math.round(side * scale));
    canvas.getContext('2d').drawImage(picture, 0, 0, canvas.width, canvas.height);
    picture.close();
    const blob = await new Promise((done) => canvas.toBlob(done, DRAWN[file.type], QUALITY));
    return blob && blob.size < file.size ? new File([blob], file.name, { type: blob.type }) : file;
  } catch {
    return file;
  }
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
    this.#input.addEventListener('change', () => this.#take([...this.#input.files]), { signal });
    form.addEventListener('dragover', (drag) => this.#hover(drag, form), { signal });
    form.addEventListener('dragleave', () => form.classList.remove('is-dropped-on'), { signal });
    form.addEventListener('drop', (drop) => this.#catch(drop, drop.dataTransfer, form), { signal });
    form.addEventListener('paste', (paste) => this.#catch(paste, paste.clipboardData, form), { signal });
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

  #catch(event, transfer, form) {
    form.classList.remove('is-dropped-on');
    const files = filesOf(transfer);
    if (!files.length) return;
    event.preventDefault();
    this.#take([...this.#input.files, ...files]);
    this.querySelector('details').open = true;
  }

  /** Show files at once, and again when the large ones among them have been made small. */
  async #take(files) {
    this.#keep(files);
    for (const file of files) {
      const small = await shrunk(file);
      const now = [...this.#input.files];
      if (small !== file && now.includes(file)) this.#keep(now.map((each) => (each === file ? small : each)));
    }
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
    this.#weigh(files);
  }

  /** Say before sending that it is too much: the server would take nothing, not the words either. */
  #weigh(files) {
    const most = Number(this.dataset.most) * MB;
    const size = files.reduce((sum, file) => sum + file.size, 0);
    const fault =
      size > most
        ? `These are ${(size / MB).toFixed(1)} MB together, and ${this.dataset.most} MB go along. Leave one out.`
        : '';
    this.#input.setCustomValidity(fault);
    this.querySelector('[data-too-much]').textContent = fault;
  }
}

AttachFiles.define();
