/** Pieces of HTML from the server, put into the page without losing order, focus or themselves twice. */
const RELOAD_AT_MOST_EVERY = 10_000;

/** What to do with an event when the last one shown is `last`: `append`, `ask` (something is missing) or `drop`. */
export function judge({ seq, prev }, last) {
  if (seq <= last) return 'drop';
  return prev > last ? 'ask' : 'append';
}

export function fragment(html) {
  return new DOMParser().parseFromString(html, 'text/html').body;
}

/** Put an entry where its seq belongs, or in the place of its older rendering, if it reads differently. */
export function upsert(list, entry) {
  const seq = Number(entry.dataset.seq);
  const known = list.querySelector(`:scope > [data-seq="${seq}"]`);
  if (known?.isEqualNode(entry)) return known;
  if (known) return swap(known, entry);
  list.querySelector(':scope > [data-empty]')?.remove();
  entry.classList.add('entry--new');
  const later = [...list.children].find((each) => Number(each.dataset.seq) > seq);
  return list.insertBefore(entry, later ?? null);
}

/** Put `fresh` in the place of `old`; the focus stays on what it was on, as far as that is still there. */
export function swap(old, fresh) {
  const held = document.activeElement;
  const holders = (root) => [...root.querySelectorAll('a, button, summary, input, select, textarea')];
  const place = holders(old).indexOf(held);
  old.replaceWith(fresh);
  if (place < 0) return;
  const candidates = holders(fresh);
  const same = (each) => each.tagName === held.tagName && each.getAttribute('href') === held.getAttribute('href') && each.textContent === held.textContent;
  (candidates.find(same) ?? candidates[place])?.focus({ preventScroll: true });
}

/** Start the page anew, because the server's epoch did; never in a circle. */
export function reloadPage() {
  const before = Number(sessionStorage.getItem('reloaded-at'));
  if (Date.now() - before < RELOAD_AT_MOST_EVERY) return;
  sessionStorage.setItem('reloaded-at', Date.now());
  location.reload();
}
