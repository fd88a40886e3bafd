/** The large widgets, loaded when a page wears one: a ticket as a card or as a timeline, many tickets as a wall. */
import { plain } from './live.js';

const ENGLISH = {
  open: 'Open',
  waiting: 'Waiting for an answer',
  late: 'A word is overdue',
  solved: 'Solved',
  declined: 'Declined',
  missed: ' · was due by {due}',
  follow: 'Follow',
  too: 'I’m waiting too',
  thanks: 'Say thanks',
  all: 'Read it all',
  live: 'Live',
  none: 'Nothing to show',
  kinds: {},
};
const SHAPES = { open: '●', waiting: '◆', late: '▲', solved: '✔', declined: '✕' };
const TAGS = /^(p|strong|em|code|pre|ul|ol|li|br|blockquote|a)$/;

export const sheet = new CSSStyleSheet();
sheet.replaceSync(`.panel{display:flex;flex-direction:column;gap:.5em;height:100%;padding:1em 1em .5em;overflow:hidden;line-height:1.45}
.panel *{min-width:0;margin:0}
.top,.item{display:flex;gap:.8em}.top .face{font-size:1.2em;line-height:2}.item>div,.who{flex:1}
.name,.subject{text-align:-webkit-match-parent;text-align:match-parent;overflow-wrap:anywhere}.name{white-space:nowrap}
.quiet{font-size:.9em;opacity:.8}
.subject{display:-webkit-box;-webkit-box-orient:vertical;-webkit-line-clamp:2;flex:none;overflow:hidden;color:inherit;font-weight:620}
.time{font-size:1.9em;line-height:1.2}
.state{font-size:.9em;font-weight:620}.state,.late .promise{color:light-dark(oklch(.47 .12 var(--t,240)),oklch(.82 .11 var(--t,240)))}.waiting{--t:300}.late{--t:60}.solved{--t:155}.declined{--t:20}
.latest{overflow:hidden;max-height:4.35em;border-inline-start:3px solid #8886;padding-inline-start:.8em}
.said{overflow-wrap:anywhere}.said :is(ul,ol){padding-inline-start:1.3em}
.links,.item{padding:.6em 1em;border-top:1px solid #8886}.links{display:flex;flex-wrap:wrap;gap:0 1.1em;margin:auto -1em 0}
.link,.subject{text-decoration:none}.link,.said a{color:var(--ticket-accent,light-dark(#175a9e,#8bbcf0))}.link{font-weight:620}
.list{flex:1;list-style:none;margin:0 -1em -.5em;padding:0;overflow:auto}
.item .face{font-size:.9em;line-height:2}
.is-live:before{content:"● ";color:light-dark(#16874f,#72d79a)}`);

/** Return a host's facts as a panel. */
export function draw({ ticket: { facts, isWatched } }, look, base, kit) {
  const { make, face, fill, span, due, state } = kit;
  const words = { __proto__: null, ...ENGLISH, ...base.card };
  const { url, assignee, ended_at, promise: owed, latest } = facts;

  const link = (name, to, text) => Object.assign(make('a', name, text), { href: to, dir: 'auto' });
  const auto = (name, ...inside) => Object.assign(make('div', name, ...inside), { dir: 'auto' });
  const now = (one, said) => make('span', `state ${state(one)}`, `${SHAPES[state(one)]} ${said}`);
  const row = (who, ...inside) => make('li', 'item', face(who.face), make('div', '', ...inside));

  function top(title, under) {
    const line = make('div', 'top', make('div', 'who', auto('name', make('b', '', title)), under));
    if (assignee) line.prepend(face(assignee.face));
    if (isWatched && !ended_at) line.append(make('span', 'quiet is-live', words.live));
    return line;
  }

  /** A list that may be longer than its room, of events the newest first: it scrolls, also by keyboard. */
  function list(found, draw) {
    const shown = make('ol', 'list');
    for (const one of found) shown[draw === entry ? 'prepend' : 'append'](draw(one));
    shown.tabIndex = 0;
    return found.length ? shown : make('p', 'quiet', words.none);
  }

  const item = (one) => row(one.assignee, link('subject', one.url, one.subject), make('div', '', now(one, span(one, base.units)), make('span', 'quiet', ` · ${one.assignee.name}`)));

  function entry({ kind, at, sentence, actor, html }) {
    const told = words.kinds[kind]?.replace('{name}', actor.name);
    const said = auto('said', html ? written(html) : (told ?? sentence));
    if (!html && !told) said.lang = 'en';
    return row(actor, said, make('span', 'quiet', `${html ? `${actor.name} · ` : ''}${ago(at, base.locale)}`));
  }

  function links() {
    const row = make('div', 'links', link('link', url + (ended_at ? '' : '#follow'), ended_at ? words.all : words.follow));
    if (!ended_at) row.append(link('link', `${url}#waiting-too`, words.too + (facts.waiting_too ? ` · ${facts.waiting_too}` : '')));
    row.append(link('link', `${url}#thanks`, words.thanks));
    return row;
  }

  const panel = make('article', `panel ${state(facts)}`);
  panel.part = 'panel';
  panel.ariaLabel = facts.subject ?? facts.title;
  if (look === 'wall') {
    panel.append(top(facts.title ?? '', ''), list(facts.items ?? [facts], item));
    panel.append(make('div', 'links', link('link', url, words.all)));
    return panel;
  }
  const clock = make('div', 'clock', make('b', 'time', span(facts, base.units)));
  if (owed) clock.append(fill('promise', base[state(facts) === 'late' ? 'missed' : owed.check_in ? 'check' : 'next'] ?? words.missed, { due: due(owed.due_at, base.locale) }));
  panel.append(top(assignee.name, now(facts, words[state(facts)])), link('subject', url, facts.subject), clock);
  if (look === 'timeline') panel.append(list(facts.recent ?? [], entry));
  else if (latest) panel.append(auto('said latest', written(latest.html)));
  panel.append(links());
  return panel;
}

/**
 * What people wrote, from our HTML to nodes: a walk over tags from an allow-list. No parser of the browser sees the text,
 * so nothing in it can run, and pages that require Trusted Types have nothing to object to.
 */
export function written(html) {
  const top = document.createDocumentFragment();
  let open = top;
  for (const [, end, tag, more, text] of html.matchAll(/<(\/?)(\w+)([^>]*)>|([^<]+)/g)) {
    if (text) open.append(plain(text));
    else if (!TAGS.test(tag)) continue;
    else if (end) open = open.localName === tag ? open.parentNode : open;
    else {
      const element = document.createElement(tag);
      const href = plain(/ href="((https?:\/\/|mailto:)[^"]*)"/i.exec(more)?.[1] ?? '');
      if (href && tag === 'a') Object.assign(element, { href, rel: 'nofollow ugc noopener noreferrer' });
      open.append(element);
      if (tag !== 'br') open = element;
    }
  }
  return top;
}

/** Make `old` what `fresh` is, keeping nodes, so that focus, selection and scrolling stay. */
export function morph(old, fresh) {
  if (old.isEqualNode(fresh)) return;
  if (old.nodeName !== fresh.nodeName || !old.attributes) return old.replaceWith(fresh);
  for (const { name } of [...old.attributes, ...fresh.attributes]) {
    const value = fresh.getAttribute(name);
    if (value === null) old.removeAttribute(name);
    else if (value !== old.getAttribute(name)) old.setAttribute(name, value);
  }
  const [before, after] = [[...old.childNodes], [...fresh.childNodes]];
  if (before.length !== after.length) old.replaceChildren(...after);
  else for (let place = 0; place < after.length; place += 1) morph(before[place], after[place]);
}

/** "3 days ago", in the reader's language. */
function ago(at, locale) {
  const minutes = (Date.now() - new Date(at)) / 60_000;
  const [size, unit] = minutes < 60 ? [1, 'minute'] : minutes < 1440 ? [60, 'hour'] : [1440, 'day'];
  return new Intl.RelativeTimeFormat(locale, { __proto__: null, numeric: 'auto' }).format(-Math.floor(minutes / size), unit);
}
