/**
 * Keeps a framed card true: hears of news (or asks now and then), fetches its own page again and swaps its words;
 * tells the page around it how high it is, and us on which site it was seen. Without it the card is whole.
 */
import { Socket } from './socket.js';
import { refresh } from './times.js';

const ASK_EVERY = 30_000;
const SPREAD = 400;
const STALE = 1_000;
const { embed, ref, last, wall } = document.body.dataset;
const around = origin();
/** WordPress frames what it found by oEmbed without popups, and opens links and gives room when it is asked in its way. */
const secret = /[?&]secret=(\w+)/.exec(location.hash)?.[1];

/** The page this frame stands on, as an Origin; none when it does not say, or when this is no frame. */
function origin() {
  if (parent === window) return null;
  const named = location.ancestorOrigins?.[0] ?? document.referrer;
  return named && named !== 'null' ? new URL(named).origin : null;
}

function tellHeight() {
  const root = document.documentElement;
  root.classList.add('measured');
  const height = Math.ceil(document.querySelector('main').getBoundingClientRect().height);
  root.classList.remove('measured');
  if (around) parent.postMessage({ type: 'nameplate-height', embed: embed ?? null, height }, around);
  askWordPress('height', height);
}

function askWordPress(message, value) {
  if (around && secret) parent.postMessage({ message, value, secret }, around);
}

function follow(click) {
  const link = click.target.closest('a[href]');
  if (!link || !secret) return;
  click.preventDefault();
  askWordPress('link', link.href);
}

/** Returns the seq that the page shows now. */
async function again() {
  // In a sandbox (WordPress frames oEmbeds so) we are nobody's origin and may read nothing: load again instead.
  if (self.origin === 'null') return location.reload();
  const answer = await fetch(location.href, { cache: 'no-cache', credentials: 'omit' });
  if (!answer.ok) return Infinity;
  const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html');
  const [old, main] = [document.querySelector('main'), document.adoptNode(fresh.querySelector('main'))];
  refresh(main);
  const shows = Number(fresh.body.dataset.last) || Infinity;
  if (old.isEqualNode(main)) return shows;
  const held = old.contains(document.activeElement) ? document.activeElement.getAttribute('href') : null;
  old.replaceWith(main);
  document.title = fresh.title;
  if (held) main.querySelector(`a[href="${CSS.escape(held)}"]`)?.focus({ preventScroll: true });
  tellHeight();
  return shows;
}

/** Watches while somebody can see it; asks now and then where sockets are refused. */
class Watch {
  #socket = null;
  #timer = 0;
  #soon = 0;
  #seen = Number(last) || 0;

  turn(on) {
    if (on === Boolean(this.#timer)) return;
    if (!on) {
      this.#socket.close();
      clearInterval(this.#timer);
      this.#timer = 0;
      return;
    }
    this.#socket = new Socket();
    this.#socket.on('up', () => this.#watch().catch(() => {}));
    for (const name of ['event', 'changed', 'gone']) this.#socket.on(name, (news) => this.#ask(news));
    this.#socket.open();
    this.#timer = setInterval(() => this.#socket.up || this.#ask(), ASK_EVERY);
  }

  async #watch() {
    if (wall) await this.#socket.request('watch_list', { embed });
    else {
      const news = await this.#socket.request('watch', { ...(embed ? { embed } : { ref }), after: this.#seen });
      if (!(news.last > this.#seen)) return;
      this.#seen = news.last;
    }
    this.#ask();
  }

  #ask(news) {
    this.#seen = Math.max(this.#seen, Number(news?.seq) || 0);
    this.#soon ||= setTimeout(() => this.#fetch().catch(() => {}), Math.random() * SPREAD);
  }

  /** A copy may be two seconds old: what it does not show yet is asked for again. */
  async #fetch() {
    this.#soon = 0;
    if ((await again()) < this.#seen) this.#soon ||= setTimeout(() => this.#fetch().catch(() => {}), STALE);
  }
}

tellHeight();
addEventListener('resize', tellHeight);
document.addEventListener('click', follow);
if (embed && around && around !== location.origin) {
  fetch(`/e/${embed}/seen?on=${new URL(around).hostname}`, { method: 'POST', credentials: 'omit', keepalive: true }).catch(() => {});
}
if (embed || ref) {
  const watch = new Watch();
  let inView = true;
  const turn = () => watch.turn(inView && !document.hidden);
  new IntersectionObserver((those) => ((inView = those.at(-1).isIntersecting), turn())).observe(document.documentElement);
  document.addEventListener('visibilitychange', turn);
}
