/**
 * Live tickets on any site: upgrades `<ticket-badge embed>` and `<a class="ticket-badge" href data-embed>` (docs/widgets.md).
 * A guest: no cookie, no font, no global, no layout shift, nothing thrown, whatever the page did to its prototypes; without
 * the server the author's own link stays. Served squeezed: after a change run `make embed`, which writes static/embed/.
 */
(() => {
  const from = document.currentScript?.src;
  if (!from || customElements.get('ticket-badge')) return;
  const { origin } = new URL(from);

  const TICK = 10_000;
  const POLL = 20_000;
  const STYLE = `:host{display:contents}
.box{all:initial;color-scheme:inherit;display:inline-block;vertical-align:middle;width:36em;max-width:100%;height:2.572em;margin:-1em 0;container-type:inline-size;font:var(--ticket-size,14px)/2 var(--ticket-font,system-ui,sans-serif)}
.card,.timeline,.wall{width:25em;height:32em;margin:0}.card{height:21em}
.light{color-scheme:light}.dark{color-scheme:dark}.small{font-size:12px}.large{font-size:18px}
.pill,.panel{box-sizing:border-box;max-width:100%;border:1px solid #8886;border-radius:var(--ticket-radius,1.3em);background:var(--ticket-paper,Canvas);color:var(--ticket-ink,CanvasText)}
.pill{display:inline-flex;padding:.22em;text-decoration:none}
.face{flex:none;display:inline-grid;place-content:center;width:2em;height:2em;border-radius:2em;overflow:hidden;background:oklch(.7 .14 var(--hue)/.4)}img{grid-area:1/1;width:2em}
.words{display:flex;overflow:hidden;padding:0 .6em;white-space:pre}
.name{overflow:hidden;text-overflow:ellipsis;min-width:2em}b,bdi{font-weight:620}
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

  const tickets = new Map();
  const sheet = new CSSStyleSheet(); // a style element would need the host's policy to allow it
  let later = 0;

  const safe = (work) => async (...given) => {
    try {
      return await work(...given);
    } catch {} // prettier-ignore
  };
  const part = safe((name) => import(`${origin}/embed/VERSION/${name}.js`));
  const live = safe(async (verb, ...given) => (await part('live'))?.[verb](...given));

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
    shown.style = `--hue:${25 + hue * 29.5}`;
    if (url) shown.append(Object.assign(make('img', 'picture'), { alt: '', src: url }));
    return shown;
  }

  /** Words with their parts in place: `{name} has this`, with a node or text for name. */
  function fill(name, words, parts) {
    const line = make('span', name);
    for (const piece of words.split(/{|}/)) line.append(parts?.[piece] ?? piece);
    return line;
  }

  function span({ opened_at, ended_at }, [day, hour, minute]) {
    const minutes = Math.max(0, (new Date(ended_at ?? Date.now()) - new Date(opened_at)) / 60_000) | 0;
    const words = `${(minutes / 1440) | 0} ${day} ${(minutes / 60) % 24 | 0} ${hour} ${minutes < 1440 ? minutes % 60 : 0} ${minute}`;
    return words.replace(/\b0 \S+ ?/g, '').trim() || `< 1 ${minute}`;
  }

  function due(at, locale) {
    const when = new Date(at);
    const day = Math.abs(when - Date.now()) > 6 * 86_400_000 ? { day: 'numeric', month: 'short' } : { weekday: 'short' };
    return when.toLocaleString(locale, { __proto__: null, ...day, hour: '2-digit', minute: '2-digit' });
  }

  function state({ status, assignee, promise, ended_at }) {
    if (!assignee) return 'unknown';
    if (ended_at) return status === 'declined' ? status : 'solved';
    return promise?.state === 'missed' ? 'late' : status;
  }

  function badge(host, words) {
    const { facts } = host.ticket;
    const { assignee, promise } = facts;
    const now = state(facts);
    const pill = make('a', 'pill');
    const parts = assignee && { name: make('bdi', 'name', assignee.name), time: make('b', 'time', span(facts, words.units)) };
    const line = fill(`words ${now}`, words[now], parts);
    if (assignee) pill.append(face(assignee.face));
    if (promise && now !== 'late') line.append(fill('next', words[promise.check_in ? 'check' : 'next'], { due: due(promise.due_at, words.locale) }));
    pill.append(line);
    pill.title = facts.subject ?? '';
    if (facts.url && !host.closest('a')) pill.href = facts.url;
    return pill;
  }

  // Where it says it

  /** Make `old` what `fresh` is, keeping nodes, so that focus, selection and scrolling stay. */
  function morph(old, fresh) {
    if (old.isEqualNode(fresh)) return;
    // Text, and what has a style: a page's policy forbids to set that as an attribute.
    if (old.nodeName !== fresh.nodeName || !old.attributes || fresh.hasAttribute('style')) return old.replaceWith(fresh);
    for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
    for (const { name, value } of fresh.attributes) old.setAttribute(name, value);
    const before = [...old.childNodes];
    const after = [...fresh.childNodes];
    if (before.length !== after.length) return old.replaceChildren(...after);
    let place = 0;
    for (const each of before) morph(each, after[place++]);
  }

  function look(host) {
    const { facts } = host.ticket;
    const wanted = facts?.items ? 'wall' : (host.getAttribute('variant') ?? facts?.variant);
    return /card|timeline|wall/.test(wanted) && !host.closest('a') ? wanted : 'badge';
  }

  async function table(host) {
    for (const tag of [host.closest('[lang]')?.lang, navigator.language]) {
      const lang = tag?.slice(0, 2).toLowerCase();
      if (lang === 'en') break;
      // Two letters, or `undefined`, which has `de` in it, but not at its start.
      if (/^de|fr|es|ar/.test(lang)) return (await part(lang))?.words ?? ENGLISH;
    }
    return ENGLISH;
  }

  const paint = safe(async (host) => {
    const { facts } = host.ticket;
    const wanted = look(host);
    host.box.className = `box ${wanted} ${host.getAttribute('size')} ${host.getAttribute('theme') ?? facts?.theme}`;
    if (!facts) return;
    const turn = (host.turn = table(host));
    const words = await turn;
    const more = wanted !== 'badge' && facts.epoch && (await part('card'));
    const shown = more ? more.draw(host, wanted, words, make, face, fill, span, due, state) : badge(host, words);
    if (host.turn !== turn) return; // it is to look otherwise by now
    shown.lang = words.lang;
    shown.dir = words.dir;
    if (more) host.shadowRoot.adoptedStyleSheets = [sheet, more.sheet];
    morph(host.box.firstChild, shown);
    if (host.facts !== facts) tell(host, host.facts ? 'change' : 'load', (host.facts = facts));
  });

  const tell = (host, name, detail) => host.dispatchEvent(new CustomEvent(name, { __proto__: null, detail }));

  // When it asks

  const isShown = (ticket) => !document.hidden && navigator.onLine && ticket.seen.size;
  function isLive(ticket) {
    if (isShown(ticket) && !ticket.facts?.ended_at) for (const host of ticket.seen) if (host.getAttribute('live') !== 'off') return true;
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
    live('pace', tickets, isLive, refresh, safe);
  }

  function refresh(ticket) {
    ticket.seen.forEach(paint);
    review(ticket);
  }

  /** What the server says of a ticket, as it came and as facts; nothing when it does not answer. */
  const ask = safe(async ({ id, path, hint }) => {
    const options = { __proto__: null, credentials: 'omit', cache: hint ? 'no-cache' : 'default', signal: AbortSignal.timeout(15_000) };
    const answer = await fetch(`${origin}/e/${id}/${path}.json`, options);
    const text = await answer.text();
    return answer.ok && [text, { __proto__: null, ...(await new Response(text).json()) }]; // JSON.parse may be the page's own
  });

  async function load(ticket) {
    const { hint } = ticket;
    const turn = (ticket.turn = ask(ticket));
    ticket.hint = 0;
    ticket.next = within(POLL);
    const [text, facts] = (await turn) || [];
    if (ticket.turn !== turn) return; // it was asked again meanwhile: that answer counts
    const before = ticket.facts;
    const newest = Math.max(hint, before?.last ?? 0);
    // A copy on the way may be older than what we were told of, or than what we have.
    if (!text || (facts.epoch === before?.epoch && facts.last < newest)) {
      ticket.hint ||= newest;
      ticket.wait = Math.min((ticket.wait || 1_000) * 2, 150_000);
      ticket.next = within(ticket.wait);
      if (!text && ticket.wait === 2_000) for (const host of ticket.seen) tell(host, 'error');
    } else {
      ticket.wait = 0;
      if (facts.epoch && ticket.isWatched && !ticket.hint) ticket.next = Infinity;
      if (text !== ticket.text) {
        ticket.text = text;
        ticket.facts = facts;
        if (before) live('announce', ticket, before);
      }
    }
    refresh(ticket);
  }

  // Which elements

  const eye = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      const { host } = target.parentNode;
      const { ticket } = host;
      if (isIntersecting && origin !== location.origin) ticket.isCounted ||= navigator.sendBeacon(`${origin}/e/${ticket.id}/seen`);
      if (isIntersecting) ticket.seen.add(host);
      else ticket.seen.delete(host);
      paint(host);
      review(ticket);
    }
  });

  /** Take an element as it is now, new or changed. What its author wrote stays until the server has answered. */
  const adopt = safe((host) => {
    const id = host.getAttribute('embed') ?? '';
    const link = host.closest('a') ?? host.querySelector('a');
    if (!/^\w+$/.test(id) || (link && link.origin !== origin)) return;
    if (!host.box) {
      const root = host.attachShadow({ mode: 'open' });
      host.box = make('span', 'box', make('a', 'pill', make('span', 'words', make('slot', ''))));
      root.adoptedStyleSheets = [sheet];
      root.append(host.box);
      eye.observe(host.box);
    }
    if (host.ticket?.id !== id) {
      const isSeen = host.ticket?.seen.delete(host);
      if (!tickets.has(id)) tickets.set(id, { id, seen: new Set(), next: 0, hint: 0 });
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

  sheet.replaceSync(STYLE);
  customElements.define('ticket-badge', class extends HTMLElement {
    box = null;
    ticket = null;
    facts = null;
    static observedAttributes = ['embed', 'variant', 'theme', 'lang', 'live', 'size'];
    connectedCallback() {
      adopt(this);
    }
    attributeChangedCallback() {
      adopt(this);
    }
  });
  scan();
  new MutationObserver(() => (later ||= setTimeout(scan, 200))).observe(document, { __proto__: null, childList: true, subtree: true });
  document.addEventListener('visibilitychange', wake);
  addEventListener('online', wake);
  addEventListener('offline', wake);
  setInterval(() => document.hidden || tickets.forEach((ticket) => ticket.seen.forEach(paint)), TICK);
})();
