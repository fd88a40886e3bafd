/**
 * Live ticket badges on any site: upgrades `<a class="ticket-badge" href data-embed="ID">` and `<ticket-badge embed="ID">`.
 * A guest: no cookies, no fonts, no layout shift, nothing thrown; without script or server the author's own link stays.
 */
(() => {
  const script = document.currentScript;
  const origin = script ? new URL(script.src).origin : '';
  const here = (window.ticketBadges ??= new Set());
  if (!origin || here.has(origin)) return;
  here.add(origin);

  const TICK = 10_000;
  const POLL_TICKS = 2;
  const STYLE = `
    :host { display: inline-block; vertical-align: top; inline-size: var(--ticket-badge-width, 500px); max-inline-size: 100%; block-size: 36px; margin-block: calc((1lh - 36px) / 2); text-align: inherit; container-type: inline-size; }
    :host([theme=light]) { color-scheme: light; } :host([theme=dark]) { color-scheme: dark; }
    .pill { all: initial; color-scheme: inherit; box-sizing: border-box; display: inline-flex; align-items: center; gap: 9px; block-size: 36px; max-inline-size: 100%; padding-block: 3px; padding-inline: 3px 14px; border: 1px solid light-dark(#dcdad5, #454a54); border-radius: 99px; background: light-dark(#fff, #1e2229); color: light-dark(#1d222e, #ececea); font: 14px/28px system-ui, "Segoe UI", Roboto, "Noto Sans", sans-serif; font-variant-numeric: tabular-nums; cursor: inherit; text-align: start; overflow: hidden; }
    .pill[href] { cursor: pointer; } .pill[href]:focus-visible { outline: 3px solid light-dark(#175a9e, #8bbcf0); outline-offset: 1px; }
    .pill.bare { padding-inline: 14px; }
    .face { flex: none; inline-size: 28px; block-size: 28px; border-radius: 50%; display: grid; place-items: center; object-fit: cover; font-size: 11px; font-weight: 620; background: light-dark(oklch(.9 .06 var(--hue)), oklch(.4 .07 var(--hue))); color: light-dark(oklch(.34 .09 var(--hue)), oklch(.95 .04 var(--hue))); }
    .words { direction: ltr; display: flex; min-inline-size: 0; white-space: pre; } .words > * { flex: none; }
    .words > .name { flex: 0 1 auto; overflow: hidden; text-overflow: ellipsis; unicode-bidi: isolate; }
    .more { display: none; } @container (min-width: 470px) { .more { display: inline; } } @container (max-width: 340px) { .pill { font-size: 13px; padding-inline-end: 10px; gap: 6px; } }
    b { font-weight: 620; } .more { color: light-dark(#555c69, #b3b8c1); } .late { color: light-dark(#8a4b00, #f3b765); font-weight: 600; }
    .unknown, .unknown .pill { color: light-dark(#5b606b, #aeb3bd); }`;

  const badges = new Map();
  const seen = new WeakSet();
  let socket = null;
  let poll = 0;

  const running = (badge) => ['open', 'waiting'].includes(badge.facts?.status);

  function span(seconds) {
    const sizes = [['d', 86_400], ['h', 3_600], ['min', 60]]; // prettier-ignore
    const first = sizes.findIndex(([, size]) => seconds >= size);
    if (first < 0) return '< 1 min';
    const parts = sizes.slice(first, first + 2).map(([unit, size], place) => [Math.floor((place ? seconds % sizes[first][1] : seconds) / size), unit]);
    return parts.filter(([count]) => count).map((part) => part.join(' ')).join(' ');
  }

  function due(at) {
    const time = at.toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' });
    const far = at - Date.now() > 6 * 86_400_000;
    const day = at.toLocaleDateString('en-GB', far ? { day: 'numeric', month: 'short' } : { weekday: 'short' });
    return at.toDateString() === new Date().toDateString() ? `today ${time}` : `${day} ${time}`;
  }

  /** What a badge says, in parts: [class, words]; `more` is left out where there is no room for it. */
  function words({ status, assignee, opened_at, ended_at, promise }) {
    const open = ['time', span(((ended_at ? Date.parse(ended_at) : Date.now()) - Date.parse(opened_at)) / 1000)];
    const name = ['name', assignee?.name];
    const verb = status === 'waiting' ? 'checks in' : 'next word';
    const next = promise ? [['more', ` · ${verb} by ${due(new Date(promise.due_at))}`]] : [];
    if (['open', 'waiting'].includes(status) && promise?.state === 'missed') return [name, ['', ': '], ['late', '▲ a word is overdue'], ['', ' · '], open];
    if (status === 'open') return [name, ['', ' has this · open '], open, ...next];
    if (status === 'waiting') return [name, ['', ' awaits an answer · '], open, ...next];
    if (status === 'declined') return [['', 'Declined after '], open, ['', ' by '], name];
    if (status === 'resolved' || status === 'closed') return [['time', `Solved in ${open[1]}`], ['', ' by '], name];
    return [['', 'Ticket status unknown']];
  }

  function make(tag, name, text) {
    const element = Object.assign(document.createElement(tag), { className: name });
    if (text) element.textContent = text;
    return element;
  }

  function draw(face) {
    const initials = make('span', 'face', face.initials);
    initials.ariaHidden = 'true';
    initials.style.setProperty('--hue', [25, 50, 80, 110, 145, 170, 200, 230, 255, 285, 315, 350][face.hue] ?? 255);
    if (!face.url) return initials;
    const picture = Object.assign(make('img', 'face'), { alt: '', src: new URL(face.url, origin).href });
    picture.onerror = () => picture.replaceWith(initials);
    return picture;
  }

  function paint({ facts }, host) {
    if (!facts) return;
    const address = facts.url ? new URL(facts.url, origin) : null;
    const linked = host.localName === 'ticket-badge' && address?.origin === origin;
    const pill = Object.assign(make(linked ? 'a' : 'span', `pill${facts.assignee ? '' : ' bare unknown'}`), linked ? { href: address.href } : {});
    const line = make('span', 'words');
    for (const [look, text] of words(facts)) line.append(make(['name', 'time'].includes(look) ? 'b' : 'span', look, text));
    pill.append(...(facts.assignee?.face ? [draw(facts.assignee.face)] : []), line);
    pill.title = facts.subject ?? '';
    if (['light', 'dark'].includes(facts.theme)) host.setAttribute('theme', facts.theme);
    const shown = host.shadowRoot.querySelector('.pill');
    if (shown.isEqualNode(pill)) return;
    const held = host.shadowRoot.activeElement === shown;
    shown.replaceWith(pill);
    if (held) pill.focus({ preventScroll: true });
  }

  /** Ask for a badge's facts; `atLeast` is a seq the socket spoke of, which the answer must know. */
  async function load(badge, atLeast = 0, tries = 3) {
    const answer = await fetch(`${origin}/e/${encodeURIComponent(badge.id)}/badge.json`, { credentials: 'omit', cache: atLeast ? 'no-cache' : 'default' });
    if (!answer.ok) return;
    badge.facts = await answer.json();
    for (const host of badge.hosts) paint(badge, host);
    if ([...badges.values()].every((each) => each.facts && !running(each))) rest();
    if (badge.facts.last < atLeast && tries) setTimeout(() => quietly(load(badge, atLeast, tries - 1)), 1_000);
  }

  async function connect() {
    const { Socket } = await import(`${origin}/static/js/socket.js`);
    if (socket || document.hidden) return;
    socket = new Socket(origin);
    socket.on('up', () => badges.forEach((badge) => running(badge) && quietly(watch(badge))));
    socket.on('down', () => badges.forEach((badge) => (badge.watched = false)));
    for (const name of ['event', 'gone']) socket.on(name, (news) => badges.forEach((badge) => about(badge, news) && soon(badge, news.seq)));
    socket.open();
  }

  const about = (badge, { ref, embed }) => embed === badge.id || !badge.facts?.url || badge.facts.url.endsWith(`/${ref}`);
  // Spread over a moment, so that a much-read page does not ask all at once.
  const soon = (badge, seq = 1) => setTimeout(() => quietly(load(badge, seq)), Math.random() * 300);

  async function watch(badge) {
    const answer = await socket.request('watch', { embed: badge.id, after: badge.facts.last });
    badge.watched = !answer.error;
    if (badge.watched && (answer.last > badge.facts.last || answer.epoch !== badge.facts.epoch)) soon(badge, answer.last);
  }

  function rest() {
    clearInterval(poll);
    socket?.close();
    socket = poll = null;
  }

  async function begin(those) {
    await Promise.allSettled(those.map((badge) => load(badge)));
    if (!socket && those.some(running)) await connect();
    else if (socket?.up) await Promise.all(those.filter(running).map(watch));
  }

  /** Be live while somebody can see it and something is still open; else ask nothing. */
  function wake() {
    rest();
    if (document.hidden) return;
    quietly(begin([...badges.values()]));
    let ticks = 0;
    poll = setInterval(() => {
      ticks += 1;
      for (const badge of [...badges.values()].filter(running)) {
        if (badge.watched || ticks % POLL_TICKS) badge.hosts.forEach((host) => paint(badge, host));
        else quietly(load(badge));
      }
    }, TICK);
  }

  const quietly = (work) => Promise.resolve(work).catch(() => {});

  /** A box of the badge's size around what the author wrote, which stays until the server has answered. */
  function box(element) {
    const host = element.localName === 'a' ? document.createElement('span') : element;
    const shadow = host.attachShadow({ mode: 'open' });
    const sheet = new CSSStyleSheet(); // a style element would need the host's CSP to allow it
    sheet.replaceSync(STYLE);
    shadow.adoptedStyleSheets = [sheet];
    const [pill, line] = [make('span', 'pill bare'), make('span', 'words')];
    line.append(document.createElement('slot'));
    pill.append(line);
    shadow.append(pill);
    if (host === element) return host;
    host.append(...element.childNodes);
    element.append(host);
    Object.assign(element.style, { textDecoration: 'none', maxInlineSize: '100%' });
    return host;
  }

  const ours = (element) => new URL(element.href ?? element.querySelector('a[href]')?.href ?? origin, document.baseURI).origin === origin;

  function scan() {
    const found = [];
    for (const element of document.querySelectorAll('a.ticket-badge[data-embed], ticket-badge[embed]')) {
      if (seen.has(element) || element.shadowRoot || !ours(element)) continue;
      seen.add(element);
      const id = element.dataset.embed ?? element.getAttribute('embed');
      const badge = badges.get(id) ?? { id, hosts: new Set(), facts: null, watched: false };
      badge.hosts.add(box(element));
      if (!badges.has(id)) found.push(badge);
      badges.set(id, badge);
      paint(badge, [...badge.hosts].at(-1));
    }
    if (found.length && !document.hidden) quietly(begin(found));
  }

  function start() {
    wake();
    scan();
    let later = 0;
    new MutationObserver(() => (later ||= setTimeout(() => ((later = 0), scan()), 200))).observe(document.documentElement, { childList: true, subtree: true });
    document.addEventListener('visibilitychange', wake);
  }

  if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', start);
  else start();
})();
