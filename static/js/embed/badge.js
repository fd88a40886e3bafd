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
.box{all:initial;color-scheme:inherit;display:inline-block;vertical-align:middle;width:36em;max-width:100%;height:2.572em;margin:-1em 0;container-type:inline-size;font:var(--ticket-size,14px)/2 var(--ticket-font,system-ui,sans-serif)}
.card,.timeline,.wall{width:25em;height:32em;margin:0}.card{height:21em}
.light{color-scheme:light}.dark{color-scheme:dark}.small{font-size:12px}.large{font-size:18px}
.pill,.panel{box-sizing:border-box;max-width:100%;border:1px solid #8886;border-radius:var(--ticket-radius,1.3em);background:var(--ticket-paper,light-dark(#fff,#1e2229));color:var(--ticket-ink,light-dark(#1d222e,#ececea))}
.pill{display:inline-flex;padding:.22em;padding-inline-end:1em;text-decoration:none}
.face{flex:none;display:inline-grid;place-content:center;width:2em;height:2em;border-radius:2em;overflow:hidden;background:oklch(.7 .14 var(--hue)/.4)}img{grid-area:1/1;width:2em}
.words{display:flex;min-width:0;padding-inline-start:.6em;white-space:pre}
.name{overflow:hidden;text-overflow:ellipsis;unicode-bidi:isolate}b{font-weight:620}
@container(max-width:470px){.next{display:none}}
.words.late{color:light-dark(#8a4b00,#f3b765)}`;
  const ENGLISH = {
    locale: 'en-GB',
    open: '{name} has this · open {time}',
    waiting: '{name} awaits an answer · {time}',
    late: '{name}: ▲ a word is overdue · {time}',
    next: ' · next word by {due}',
    check: ' · checks in by {due}',
    declined: 'Declined after {time} by {name}',
    solved: 'Solved in {time} by {name}',
    unknown: 'Ticket status unknown',
    units: ['d', 'h', 'min'],
    lang: 'en',
    dir: 'ltr',
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
    if (url) shown.append(Object.assign(make('img', 'picture'), { alt: '', loading: 'lazy', src: url }));
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
    const words = `${hours > 23 ? `${Math.floor(hours / 24)} ${day} ` : ''}${hours % 24} ${hour}${hours < 24 ? ` ${minutes % 60} ${minute}` : ''}`;
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

  function badge({ element, ticket: { facts } }, words) {
    const { assignee, promise } = facts;
    const now = state(facts);
    const pill = make('a', 'pill');
    const parts = assignee && { name: make('b', 'name', assignee.name), time: make('b', 'time', span(facts, words.units)) };
    const line = fill(`words ${now}`, words[now], parts);
    if (assignee) pill.append(face(assignee.face));
    if (promise && now !== 'late') line.append(fill('next', words[promise.check_in ? 'check' : 'next'], { due: due(promise.due_at, words.locale) }));
    pill.append(line);
    pill.title = facts.subject ?? '';
    if (facts.url && !element.closest('a')) pill.href = facts.url;
    return pill;
  }

  // Where it says it

  /** Show a pill: the link itself stays, and with it the focus. */
  function swap(old, fresh) {
    if (old.href !== fresh.href || old.dir !== fresh.dir) old.replaceWith(fresh);
    else if (!old.isEqualNode(fresh)) old.replaceChildren(...fresh.childNodes);
  }

  function look({ element, ticket: { facts } }) {
    const wanted = facts?.items ? 'wall' : (element.getAttribute('variant') ?? facts?.variant);
    return /card|timeline|wall/.test(wanted) && !element.closest('a') ? wanted : 'badge';
  }

  async function table(element) {
    const lang = (element.closest('[lang]')?.lang || navigator.language).slice(0, 2);
    return /de|fr|es|ar/.test(lang) ? { __proto__: null, ...ENGLISH, lang, ...(await part(lang))?.words } : ENGLISH;
  }

  const paint = safe(async (host) => {
    const { element, box } = host;
    const { facts } = host.ticket;
    const wanted = look(host);
    box.className = `box ${wanted} ${element.getAttribute('size')} ${element.getAttribute('theme') ?? facts?.theme}`;
    if (!facts) return;
    const words = await table(element);
    const more = wanted !== 'badge' && facts.epoch && (await part('card'));
    const shown = more ? more.draw(host, wanted, words, kit) : badge(host, words);
    shown.lang = words.lang;
    shown.dir = words.dir;
    if (more) host.root.adoptedStyleSheets = [sheet, more.sheet];
    (more?.morph ?? swap)(box.firstChild, shown);
    if (host.facts !== facts) tell(host, host.facts ? 'change' : 'load', (host.facts = facts));
  });

  const tell = ({ element }, name, detail) => element.dispatchEvent(new CustomEvent(name, { __proto__: null, detail }));

  // When it asks

  const isShown = (ticket) => !document.hidden && navigator.onLine && ticket.seen.size;
  function isLive(ticket) {
    if (isShown(ticket) && !ticket.facts?.ended_at) for (const { element } of ticket.seen) if (element.getAttribute('live') !== 'off') return true;
  }
  const within = (wait) => Date.now() + wait * (1 + Math.random());

  /** Decide what to do about a ticket now that something changed: ask, wait, watch or rest. */
  function review(ticket) {
    let path = 'badge';
    for (const host of ticket.seen) if (look(host) === 'timeline') path = 'timeline';
    if (path > ticket.path) ticket.next = 0; // what is there lacks the timeline
    ticket.path = path;
    clearTimeout(ticket.timer);
    const wait = ticket.next - Date.now();
    if (isShown(ticket) && (wait <= 0 || (isLive(ticket) && wait < Infinity))) ticket.timer = setTimeout(load, wait, ticket);
    part('live').then((live) => live?.pace(kit));
  }

  async function load(ticket) {
    const { hint, seen, facts: before } = ticket;
    const options = { __proto__: null, credentials: 'omit', cache: hint ? 'no-cache' : 'default', signal: AbortSignal.timeout(15_000) };
    ticket.hint = 0;
    ticket.next = within(POLL);
    try {
      const answer = await fetch(`${origin}/e/${ticket.id}/${ticket.path}.json`, options);
      if (!answer.ok) throw 0;
      const text = await answer.text();
      const facts = { __proto__: null, ...(await new Response(text).json()) }; // JSON.parse may be the page's own
      // A copy on the way may be older than what we were told of, or than what we have.
      if (facts.last < hint) ticket.next = within(1_000);
      else if (facts.epoch && ticket.isWatched) ticket.next = Infinity;
      ticket.wait = 0;
      if (text !== ticket.text && !(facts.epoch === before?.epoch && facts.last < before?.last)) {
        ticket.text = text;
        ticket.facts = facts;
        if (before) part('live').then((live) => live?.announce(ticket, before));
      }
      seen.forEach(paint);
    } catch {
      ticket.wait = Math.min((ticket.wait || 2_500) * 2, 150_000);
      ticket.next = within(ticket.wait);
      if (ticket.wait === 5_000) for (const host of seen) tell(host, 'error');
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

  /** Take an element as it is now, new or changed. What its author wrote stays until the server has answered. */
  const adopt = safe((element) => {
    const id = element.getAttribute('embed') ?? '';
    const link = element.closest('a') ?? element.querySelector('a');
    if (!/^\w+$/.test(id) || (link && link.origin !== origin)) return;
    let host = hosts.get(element);
    if (!host) {
      const root = element.attachShadow({ mode: 'open' });
      const box = make('span', 'box', make('a', 'pill', make('span', 'words', make('slot', ''))));
      host = box.host = { element, root, box };
      root.adoptedStyleSheets = [sheet];
      root.append(box);
      hosts.set(element, host);
      eye.observe(box);
    }
    if (host.ticket?.id !== id) {
      const isSeen = host.ticket?.seen.delete(host);
      if (!tickets.has(id)) tickets.set(id, { id, seen: new Set(), next: 0 });
      host.ticket = tickets.get(id);
      if (isSeen) host.ticket.seen.add(host);
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
    }
  }

  const wake = () => tickets.forEach(review);
  const kit = { tickets, isLive, review, paint, safe, make, face, fill, span, due, state };

  sheet.replaceSync(STYLE);
  class TicketBadge extends HTMLElement {
    static observedAttributes = ['embed', 'variant', 'theme', 'lang', 'live', 'size'];
    connectedCallback() {
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
