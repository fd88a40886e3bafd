/**
 * Keeps a framed card true: hears of news (or asks now and then), fetches its own page again and swaps its words;
 * tells the page around it how high it is, and us on which site it was seen. Without it the card is whole.
 */
import { swap } from './page-parts.js';
import { Socket } from './socket.js';
import { refresh } from './times.js';

const ASK_EVERY = 30_000;
const SPREAD = 400;
const STALE = 1_000;
/** A copy lives for two seconds; what still shows less is from before a restore. */
const STALE_TIMES = 5;
const { embed, last } = document.body.dataset;
/** What there is to watch; another thing once the frame is restyled, none while it is grey. */
let watched = document.body.dataset;
const around = origin();
/** In a sandbox (WordPress frames oEmbeds so) we are nobody's origin and may read nothing: then the page is loaded again. */
const isSandboxed = self.origin === 'null';
const isAgain = isSandboxed && performance.getEntriesByType('navigation')[0]?.type === 'reload';
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

/** What every embed looks like that may not be shown here. */
const GREY = '/e/0';

/** Whether the page around may show what was answered: a browser asks that once, when it loads the frame. */
function mayStand({ headers }) {
  const sites = /frame-ancestors ([^;]*)/.exec(headers.get('Content-Security-Policy'))?.[1].split(' ');
  return !around || around === location.origin || sites?.includes('*') || sites?.includes(around);
}

const ask = (address) => fetch(address, { cache: 'no-cache', credentials: 'omit' });

/** Returns the seq that the page shows now. */
async function again() {
  if (isSandboxed) return location.reload();
  let answer = await ask(location.href);
  if (answer.ok && !mayStand(answer)) answer = await ask(GREY);
  if (!answer.ok) return Infinity;
  const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html');
  const [old, main] = [document.querySelector('main'), fresh.querySelector('main')];
  refresh(main);
  watched = fresh.body.dataset;
  for (const part of ['documentElement', 'body']) document[part].className = fresh[part].className;
  const shows = Number(fresh.body.dataset.last) || Infinity;
  if (old.isEqualNode(main)) return shows;
  swap(old, main);
  document.title = fresh.title;
  tellHeight();
  return shows;
}

/** Watches while somebody can see it; asks now and then where sockets, or its watch, are refused. */
class Watch {
  #socket = null;
  #timer = 0;
  #soon = 0;
  #seen = Number(last) || 0;
  #stale = 0;
  #isTold = false;
  #wasTold = false;

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
    for (const name of ['down', 'gone']) this.#socket.on(name, () => (this.#isTold = false));
    for (const name of ['event', 'changed', 'gone']) this.#socket.on(name, (news) => this.#ask(news));
    this.#socket.open();
    this.#timer = setInterval(() => this.#isTold || this.#ask(), ASK_EVERY);
  }

  async #watch() {
    const { embed, ref, wall } = watched;
    if (!embed && !ref) return;
    const what = embed ? { embed } : { ref };
    const answer = await this.#socket.request(wall ? 'watch_list' : 'watch', { ...what, after: this.#seen });
    if (answer.error) return;
    // Ask after a break, for then another look, or other sites, were not told of; and of a wall, which does not say how far it is.
    const isAsking = this.#wasTold || (wall ? !isSandboxed : answer.last > this.#seen);
    this.#isTold = this.#wasTold = true;
    if (isAsking) this.#ask({ seq: answer.last });
  }

  #ask(news) {
    this.#seen = Math.max(this.#seen, Number(news?.seq) || 0);
    this.#soon ||= setTimeout(() => this.#fetch().catch(() => {}), Math.random() * SPREAD);
  }

  /** A copy may be two seconds old: what it does not show yet is asked for again. A watch that ended is begun again. */
  async #fetch() {
    this.#soon = 0;
    const shows = await again();
    if (shows < this.#seen && (this.#stale += 1) < STALE_TIMES) {
      this.#soon ||= setTimeout(() => this.#fetch().catch(() => {}), STALE);
    } else {
      this.#stale = 0;
      if (shows < Infinity) this.#seen = shows;
    }
    if (this.#socket.up && !this.#isTold) await this.#watch();
  }
}

tellHeight();
addEventListener('resize', tellHeight);
document.addEventListener('click', follow);
if (embed && around && around !== location.origin && !isAgain) {
  fetch(`/e/${embed}/seen?on=${new URL(around).hostname}`, { method: 'POST', credentials: 'omit', keepalive: true }).catch(() => {});
}
if (embed || watched.ref) {
  const watch = new Watch();
  let inView = true;
  const turn = () => watch.turn(inView && !document.hidden);
  new IntersectionObserver((those) => ((inView = those.at(-1).isIntersecting), turn())).observe(document.documentElement);
  document.addEventListener('visibilitychange', turn);
}
