/** The large widgets, loaded when a page wears one: a ticket as a card or as a timeline, many tickets as a wall. */
import { plain } from './live.js';

export const sheet = new CSSStyleSheet();
sheet.replaceSync(`.panel{display:flex;flex-direction:column;gap:.5em;height:100%;padding:1em 1em .5em;overflow:hidden;line-height:1.45}
.panel *{min-width:0;margin:0;overflow-wrap:anywhere}
.top,.item{display:flex;gap:.8em}.item>div,.who{flex:1}.top .face{font-size:1.2em}
.name,.subject{text-align:-webkit-match-parent;text-align:match-parent}.name{white-space:nowrap}
.quiet{font-size:.9em;opacity:.8}
.subject{display:-webkit-box;-webkit-box-orient:vertical;-webkit-line-clamp:2;flex:none;overflow-y:clip;color:inherit}
.time{font-size:min(1.9em,12cqi);line-height:1.2}
.state{font-size:.9em;font-weight:620}.state,.late,.is-live:before{color:light-dark(oklch(.47 .12 var(--t,240)),oklch(.82 .11 var(--t,240)))}.waiting{--t:300}.late{--t:60}.solved{--t:155}.declined{--t:20}
.latest{columns:1;widows:1;overflow:hidden;max-height:4.35em;border-inline-start:3px solid #8886}
.latest,ul,ol{padding-inline-start:1.3em}
.links,.item{padding:.6em 1em;border-top:1px solid #8886}.links{display:flex;flex-wrap:wrap;gap:0 .8em;margin:auto -1em 0}
.link,.subject{text-decoration:none;font-weight:620}.link,.said a{color:var(--ticket-accent,light-dark(#175a9e,#8bbcf0))}
.list{flex:1;list-style:none;margin:0 -1em -.5em;padding:0;overflow:auto}
.is-live:before{--t:155;content:"● "}
@container(max-width:16em){.is-live,.latest{display:none}}`);

/** Return a host's facts as a panel. */
export function draw({ ticket: { facts, isWatched } }, look, base, make, face, fill, span, due, state) {
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
    standard: ' · standard text',
  };
  const SHAPES = { open: '●', waiting: '◆', late: '▲', solved: '✔', declined: '✕' };
  const words = { __proto__: null, ...ENGLISH, ...base.card };
  const { url, title, subject, assignee, ended_at, promise, latest } = facts;
  const now = state(facts);
  const isWall = look === 'wall';
  const by = (latest?.by ?? assignee)?.name;

  const copied = (isStandard) => (isStandard ? words.standard : '');
  const quiet = (said) => make('span', 'quiet', said);
  const link = (to, text, name = 'link') => Object.assign(make('a', name, text), { href: to, dir: 'auto' });
  const auto = (name, ...inside) => Object.assign(make('div', name, ...inside), { dir: 'auto' });
  const mark = (one, said, now = state(one)) => make('span', `state ${now}`, `${SHAPES[now]} ${said}`);
  const row = (who, ...inside) => make('li', 'item', face(who.face), make('div', '', ...inside));
  const item = (one) => row(one.assignee, link(one.url, one.subject, 'subject'), mark(one, span(one, base.units)), quiet(` · ${one.assignee.name}`));

  function entry({ kind, at, sentence, actor, html, standard }) {
    const name = words.names?.[actor.name] ?? actor.name;
    const told = words.kinds?.[kind]?.replace('{name}', name);
    const said = auto('said', html ? written(html) : (told ?? sentence));
    if (!html && !told) said.lang = 'en';
    return row(actor, said, quiet(due(at, base.locale) + (html ? ` · ${name}` : '') + copied(standard)));
  }

  /** A list that may be longer than its room, of events the newest first: it scrolls, also by keyboard. */
  function list(found, draw) {
    const shown = make('ol', 'list');
    for (const one of found) shown[isWall ? 'append' : 'prepend'](draw(one));
    shown.tabIndex = 0;
    return found.length ? shown : quiet(words.none);
  }

  const said = () => (look === 'timeline' ? list(facts.recent ?? [], entry) : latest ? auto('said latest', ...(latest.standard || by !== assignee.name ? [make('bdi', '', by), quiet(copied(latest.standard))] : []), written(latest.html)) : '');
  const panel = make(
    'article',
    'panel',
    make(
      'div',
      'top',
      assignee ? face(assignee.face) : '',
      make('div', 'who', auto('name', make('b', '', title ?? assignee.name)), isWall ? '' : mark(facts, words[now])),
      isWatched && !ended_at ? make('span', 'quiet is-live', words.live) : '',
    ),
    ...(isWall
      ? [list(facts.items ?? [facts], item)]
      : [
          link(url, subject, 'subject'),
          make('div', 'clock', make('b', 'time', span(facts, base.units)), promise ? fill(`promise ${now}`, now === 'late' ? words.missed : base[promise.check_in ? 'check' : 'next'], { due: due(promise.due_at, base.locale) }) : ''),
          said(),
        ]),
    make(
      'div',
      'links',
      ...(isWall || ended_at
        ? [link(url, words.all)]
        : [link(`${url}#follow`, words.follow), link(`${url}#waiting-too`, words.too + (facts.waiting_too ? ` · ${facts.waiting_too}` : ''))]),
      isWall ? '' : link(`${url}#thanks`, words.thanks),
    ),
  );
  panel.ariaLabel = title ?? subject;
  return panel;
}

/**
 * What people wrote, from our HTML to nodes: a walk over tags from an allow-list. No parser of the browser sees the text,
 * so nothing in it can run, and pages that require Trusted Types have nothing to object to.
 */
export function written(html) {
  const TAGS = /^(p|strong|em|code|pre|ul|ol|li|br|blockquote|a)$/;
  const top = new DocumentFragment();
  let open = top;
  for (const [, end, tag, more, text] of html.matchAll(/<(\/?)(\w+)([^>]*)>|([^<]+)/g)) {
    if (text) open.append(plain(text));
    else if (end) open = open.localName === tag ? open.parentNode : open;
    else if (TAGS.test(tag)) {
      const element = document.createElement(tag);
      const href = plain(/ href="((https?:\/\/|mailto:)[^"]*)"/i.exec(more)?.[1] ?? '');
      if (href && tag === 'a') Object.assign(element, { href, rel: 'nofollow ugc noopener noreferrer' });
      open.append(element);
      if (tag !== 'br') open = element;
    }
  }
  return top;
}
