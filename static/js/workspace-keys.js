/** The workspace by keyboard: single keys that do what elements name in `data-hotkey`, rows by j and k, `?` for help. */

const TYPING = 'input:not([type="radio"], [type="checkbox"], [type="submit"], [type="button"]), textarea, select, [contenteditable]';
const CHOICE = 'nameplate-single-keys';

/** Whether single keys do something: whoever speaks to their computer may want them off (WCAG 2.1.4). */
export function singleKeys() {
  try {
    return localStorage.getItem(CHOICE) !== 'off';
  } catch {
    return true;
  }
}

export const isTyping = (target) => target.matches?.(TYPING) ?? false;

/** The row to go to from place `at` among `count`, -1 when none holds the focus: `j` down, `k` up, none past the ends. */
export function nextRow(key, at, count) {
  const wanted = at < 0 ? (key === 'j' ? 0 : count - 1) : at + (key === 'j' ? 1 : -1);
  return Math.max(0, Math.min(count - 1, wanted));
}

/** `<workspace-keys>` around the help: `[data-help]` opens the `dialog`, `[data-single]` switches single keys. */
export class WorkspaceKeys extends HTMLElement {
  #stop = null;

  static define(tag = 'workspace-keys') {
    customElements.get(tag) ?? customElements.define(tag, this);
  }

  connectedCallback() {
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    document.addEventListener('keydown', (press) => this.#press(press), { signal });
    const help = this.querySelector('[data-help]');
    help.hidden = false;
    help.addEventListener('click', () => this.#help(), { signal });
    const single = this.querySelector('[data-single]');
    single.checked = singleKeys();
    single.addEventListener('change', () => localStorage.setItem(CHOICE, single.checked ? 'on' : 'off'), { signal });
  }

  disconnectedCallback() {
    this.#stop?.abort();
  }

  #press(press) {
    if (press.ctrlKey || press.metaKey || press.altKey || press.defaultPrevented) return;
    if (isTyping(press.target)) {
      if (press.key === 'Escape') press.target.blur();
      return;
    }
    if (document.querySelector('dialog[open]') || !singleKeys()) return;
    if (this.#does(press.key)) press.preventDefault();
  }

  #does(key) {
    if (key === '?') return this.#help();
    if (key === 'j' || key === 'k') return this.#walk(key);
    const row = document.activeElement?.closest('li, tr')?.querySelector(`[data-row-key="${CSS.escape(key)}"]`);
    const wanted = row ?? document.querySelector(`[data-hotkey="${CSS.escape(key)}"]`);
    if (!wanted) return false;
    return this.#go(wanted);
  }

  #go(wanted) {
    if (wanted.matches('summary')) {
      wanted.parentElement.open = true;
      (wanted.parentElement.querySelector('textarea, select, input:not([type="hidden"])') ?? wanted).focus();
    } else if (wanted.matches('textarea, input, select')) wanted.focus();
    else wanted.click();
    return true;
  }

  #walk(key) {
    const rows = [...document.querySelectorAll('[data-row]')].filter((each) => each.checkVisibility());
    rows[nextRow(key, rows.indexOf(document.activeElement), rows.length)]?.focus();
    return rows.length > 0;
  }

  #help() {
    this.querySelector('dialog').showModal();
    return true;
  }
}

WorkspaceKeys.define();
