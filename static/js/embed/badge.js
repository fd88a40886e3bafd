/**
 * Live tickets on any site: upgrades `<ticket-badge embed>` and `<a class="ticket-badge" href data-embed>` (docs/widgets.md).
 * A guest: no cookie, no font, no global, no layout shift, nothing thrown, whatever the page did to its prototypes; without
 * the server the author's own link stays. Served squeezed: after a change run `make embed`, which writes static/embed/.
 */
(() => {
  const origin = document.currentScript && new URL(document.currentScript.src).origin;
  if (!origin || customElements.get('ticket-badge')) return;

  const TICK = 10_000;
  const POLL = 20_000;
  const STYLE = `:host{display:contents}
.box{all:initial;font:inherit;color-scheme:inherit;display:inline-block;vertical-align:top;max-inline-size:100%;container-type:inline-size;inline-size:calc(var(--s)*var(--w));block-size:calc(var(--s)*var(--h));margin-block:calc((1lh - var(--s)*var(--h))/2);--s:var(--ticket-size,14px);--w:36;--h:2.572;--paper:var(--ticket-paper,light-dark(#fff,#1e2229));--ink:var(--ticket-ink,light-dark(#1d222e,#ececea));--accent:var(--ticket-accent,light-dark(#175a9e,#8bbcf0));--line:color-mix(in oklab,var(--ink) 16%,var(--paper))}
.card{--w:25;--h:22;margin:0}.timeline,.wall{--w:25;--h:32;margin:0}
.light{color-scheme:light}.dark{color-scheme:dark}.small{--s:12px}.large{--s:18px}
.pill{display:inline-flex;box-sizing:border-box;max-inline-size:100%;padding:.22em;padding-inline-end:1em;border:1px solid var(--line);border-radius:var(--ticket-radius,9em);background:var(--paper);color:var(--ink);font:var(--s)/2 var(--ticket-font,system-ui,sans-serif);font-variant-numeric:tabular-nums;text-decoration:none}
:focus-visible{outline:3px solid var(--accent)}
.face{flex:none;display:inline-grid;inline-size:2em;block-size:2em;border-radius:50%;overflow:hidden;place-content:center;background:color-mix(in oklab,oklch(.7 .14 var(--hue)) 38%,var(--paper))}img{grid-area:1/1;inline-size:2em;block-size:2em;object-fit:cover}
.words{display:flex;min-inline-size:0;padding-inline-start:.6em;white-space:pre}
.name{overflow:hidden;text-overflow:ellipsis;unicode-bidi:isolate}b{font-weight:620}
.next{opacity:.8}@container(max-width:470px){.next{display:none}}
.late{color:light-dark(#8a4b00,#f3b765)}`;
  const ENGLISH = {
    locale: 'en-GB',
    open: '{name} has this · open {time}',
    waiting: '{name} awaits an answer · {time}',
    late: '{name}: {overdue} · {time}',
    overdue: '▲ a word is overdue',
    next: ' · next word by {due}',
    check: ' · checks in by {due}',
    declined: 'Declined after {time} by {name}',
    solved: 'Solved in {time} by {name}',
    unknown: 'Ticket status unknown',
    units: ['d', 'h', 'min'],
  };

  const hosts = new WeakMap();
  const tickets = new Map();
  const sheet = new CSSStyleSheet(); // a style element would need the host's policy to allow it
  let later = 0;

  const safe = (work) => async (...given) => {
    try {
      return await work(...given);
    } catch {} // prettier-ignore
  };
  const part = safe((name) => import(`${origin}/static/embed/${name}.js`));

  // What it says

  function make(tag, name, ...inside) {
    const element = document.createElement(tag);
    element.className = element.part = name;
    element.append(...inside);
    return element;
  }

  function face({ initials, hue, url }) {
    const shown = make('span', 'face', initials);
    shown.ariaHidden = 'true';
    shown.style.setProperty('--hue', 25 + hue * 29.5);
    if (url) {
      const picture = make('img', 'picture');
      picture.alt = '';
      picture.loading = 'lazy';
      picture.src = url;
      shown.append(picture);
    }
    return shown;
  }

  /** Words with their parts in place: `{name} has this`, with a node or text for name. */
  function fill(name, words, parts) {
    const line = make('span', name);
    let isPart = 0;
    for (const piece of words.split(/{(\w+)}/)) line.append((isPart ^= 1) ? piece : parts[piece]);
    return line;
  }

  function span({ opened_at, ended_at }, [day, hour, minute]) {
    const minutes = Math.floor((new Date(ended_at ?? Date.now()) - new Date(opened_at)) / 60_000);
    const hours = Math.floor(minutes / 60);
    const words = hours < 24 ? `${hours} ${hour} ${minutes % 60} ${minute}` : `${Math.floor(hours / 24)} ${day} ${hours % 24} ${hour}`;
    return words.replace(/\b0 \S+/g, '').trim() || `< 1 ${minute}`;
  }

  function due(at, locale) {
    const when = new Date(at);
    const day = when - Date.now() > 6 * 86_400_000 ? { day: 'numeric', month: 'short' } : { weekday: 'short' };
    return when.toLocaleString(locale, { __proto__: null, ...day, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
  }

  function state({ status, assignee, promise, ended_at }) {
    if (!assignee) return 'unknown';
    if (ended_at) return status === 'declined' ? status : 'solved';
    return promise?.state === 'missed' ? 'late' : status;
  }

  function badge({ element, box, pill, ticket: { facts } }, words) {
    const { assignee, promise } = facts;
    const now = state(facts);
    const parts = assignee && { name: make('b', 'name', assignee.name), time: make('b', 'time', span(facts, words.units)), overdue: make('b', 'late', words.overdue) };
    const line = fill('words', words[now], parts);
    if (promise && now !== 'late') line.append(fill('next', words[promise.check_in ? 'check' : 'next'], { due: due(promise.due_at, words.locale) }));
    if (facts.url && !element.closest('a')) pill.href = facts.url;
    else pill.removeAttribute('href');
    pill.title = facts.subject ?? '';
    const fresh = pill.cloneNode();
    if (assignee) fresh.append(face(assignee.face));
    fresh.append(line);
    // The link itself stays, and with it the focus.
    if (!pill.isEqualNode(fresh)) pill.replaceChildren(...fresh.childNodes);
    return pill;
  }

  // Where it says it

  function look({ element, ticket: { facts } }) {
    const wanted = facts?.items ? 'wall' : (element.getAttribute('variant') ?? facts?.variant);
    return /^(card|timeline|wall)$/.test(wanted) && !element.closest('a') ? wanted : 'badge';
  }

  async function table(element) {
    for (const language of [element.closest('[lang]')?.lang, navigator.language]) {
      const lang = language?.slice(0, 2);
      if (lang === 'en') break;
      if (/de|fr|es|ar/.test(lang)) return { __proto__: null, lang, ...(await part(lang)).words };
    }
    return ENGLISH;
  }

  const paint = safe(async (host) => {
    const { element, box } = host;
    const { facts } = host.ticket;
    const wanted = look(host);
    box.className = `box ${wanted} ${element.getAttribute('size')} ${element.getAttribute('theme') ?? facts?.theme}`;
    if (!facts) return;
    const words = (await safe(table)(element)) ?? ENGLISH;
    const more = wanted !== 'badge' && facts.epoch && (await part('card'));
    const shown = more ? more.draw(host, wanted, words, { make, face, fill, span, due, state, sheet }) : badge(host, words);
    shown.lang = words.lang ?? 'en';
    shown.dir = words.dir ?? 'ltr';
    if (box.firstChild !== shown) box.replaceChildren(shown);
  });

  const tell = (ticket, name) => ticket.hosts.forEach(({ element }) => element.dispatchEvent(new CustomEvent(name, { __proto__: null, detail: ticket.facts })));

  // When it asks

  const isShown = (ticket) => !document.hidden && navigator.onLine && ticket.seen.size;
  function isLive(ticket) {
    if (isShown(ticket) && !ticket.facts?.ended_at) for (const { element } of ticket.hosts) if (element.getAttribute('live') !== 'off') return true;
  }
  const within = (wait) => Date.now() + wait * (1 + Math.random());

  /** Decide what to do about a ticket now that something changed: ask, wait, watch or rest. */
  function review(ticket) {
    clearTimeout(ticket.timer);
    const wait = ticket.next - Date.now();
    if (isShown(ticket) && (wait <= 0 || (isLive(ticket) && wait < Infinity))) ticket.timer = setTimeout(load, wait, ticket);
    if (ticket.facts?.epoch) part('live').then((live) => live?.pace(core));
  }

  async function load(ticket) {
    const { hint, hosts: those, facts: before } = ticket;
    let path = 'badge';
    for (const host of those) if (look(host) === 'timeline') path = 'timeline';
    ticket.hint = 0;
    try {
      const answer = await fetch(`${origin}/e/${ticket.id}/${path}.json`, { __proto__: null, credentials: 'omit', cache: hint ? 'no-cache' : 'default', signal: AbortSignal.timeout(15_000) });
      const facts = { __proto__: null, ...(await answer.json()) };
      ticket.wait = 0;
      ticket.next = facts.last < hint ? within(1_000) : !facts.epoch ? within(60_000) : ticket.isWatched ? Infinity : within(POLL); // prettier-ignore
      if (!(facts.epoch === before?.epoch && facts.last <= before?.last)) {
        ticket.facts = facts;
        tell(ticket, before ? 'change' : 'load');
        if (before) part('voice').then((voice) => voice?.announce(ticket, before));
      }
      those.forEach(paint);
    } catch {
      ticket.wait = Math.min((ticket.wait || 2_500) * 2, 150_000);
      ticket.next = within(ticket.wait);
      if (ticket.wait === 5_000) tell(ticket, 'error');
    }
    review(ticket);
  }

  // Which elements

  const eye = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      const { host } = target;
      const { ticket } = host;
      if (isIntersecting && !ticket.isCounted && origin !== location.origin) ticket.isCounted = navigator.sendBeacon(`${origin}/e/${ticket.id}/seen`);
      ticket.seen[isIntersecting ? 'add' : 'delete'](host);
      paint(host);
      review(ticket);
    }
  });

  /** Take an element as it is now: new, changed, moved or gone. What its author wrote stays until the server has answered. */
  const adopt = safe((element) => {
    const id = element.isConnected && element.getAttribute('embed');
    const link = element.closest('a') ?? element.querySelector('a');
    let host = hosts.get(element);
    if (!host) {
      if (!/^\w+$/.test(id) || (link && link.origin !== origin)) return;
      const root = element.attachShadow({ mode: 'open' });
      const pill = make('a', 'pill', make('span', 'words', make('slot', '')));
      const box = make('span', 'box', pill);
      host = box.host = { element, root, box, pill };
      root.adoptedStyleSheets = [sheet];
      root.append(box);
      hosts.set(element, host);
      eye.observe(box);
    }
    const old = host.ticket;
    if (old?.id !== id) {
      old?.hosts.delete(host);
      old?.seen.delete(host);
      host.ticket = tickets.get(id) ?? { id, hosts: new Set(), seen: new Set(), next: 0 };
      host.ticket.hosts.add(host);
      if (id) tickets.set(id, host.ticket);
    }
    paint(host);
    review(host.ticket);
  });

  /** Turn links into badges, inside: a link can't hold a shadow. */
  function scan() {
    later = 0;
    for (const link of document.querySelectorAll('a.ticket-badge[data-embed]')) {
      if (link.origin !== origin || link.querySelector('ticket-badge')) continue;
      const inner = document.createElement('ticket-badge');
      for (const name in link.dataset) inner.setAttribute(name, link.dataset[name]);
      inner.append(...link.childNodes);
      link.append(inner);
      link.style.textDecoration = 'none';
    }
  }

  const wake = () => tickets.forEach(review);
  const core = { origin, tickets, isLive, review, paint, within, safe };

  sheet.replaceSync(STYLE);
  class TicketBadge extends HTMLElement {
    static observedAttributes = ['embed', 'variant', 'theme', 'lang', 'live', 'size'];
    connectedCallback() {
      adopt(this);
    }
    disconnectedCallback() {
      adopt(this);
    }
    attributeChangedCallback() {
      adopt(this);
    }
  }
  customElements.define('ticket-badge', TicketBadge);
  scan();
  new MutationObserver(() => (later ||= setTimeout(scan, 200))).observe(document, { __proto__: null, childList: true, subtree: true });
  document.addEventListener('visibilitychange', wake);
  addEventListener('online', wake);
  addEventListener('offline', wake);
  setInterval(() => document.hidden || tickets.forEach((ticket) => ticket.seen.forEach(paint)), TICK);
})();
