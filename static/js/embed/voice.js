/** Says a new word to screen readers, once a page however many badges show it. */
import { written } from './written.js';

const SHOWN = 8_000;
const LONGEST = 200;

/** Say what is new in a ticket's facts since `before`: the words, else how it stands now. */
export function announce(ticket, before) {
  const { latest, assignee } = ticket.facts;
  const [host] = ticket.seen;
  if (!host || !latest || latest.at === before.latest?.at) return;
  const region = host.voice ?? (host.voice = make(host));
  // A region speaks of what is put into it later, not of what it came with.
  setTimeout(() => (region.textContent = `${assignee.name}: ${written(latest.html).textContent.slice(0, LONGEST)}`), 100);
  setTimeout(() => (region.textContent = ''), SHOWN);
}

function make({ root }) {
  const region = document.createElement('span');
  region.role = 'status';
  region.ariaLive = 'polite';
  region.style.cssText = 'position:absolute;inline-size:1px;block-size:1px;overflow:hidden;clip-path:inset(50%)';
  root.append(region);
  return region;
}
