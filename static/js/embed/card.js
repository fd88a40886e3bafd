/** The large widgets, loaded when a page wears one: a ticket as a card or as a timeline, many tickets as a wall. */
import { written } from './written.js';

const ENGLISH = {
  open: 'Open',
  waiting: 'Waiting for an answer',
  late: 'A word is overdue',
  solved: 'Solved',
  declined: 'Declined',
  unknown: '',
  has: 'has this',
  had: 'had this to the end',
  next: 'Next word by {due}',
  check: 'Checks in by {due}',
  missed: 'The next word was due by {due}',
  follow: 'Follow',
  too: 'I’m waiting too',
  thanks: 'Say thanks',
  all: 'Read it all',
  live: 'Live',
  happened: 'What happened',
  none: 'Nothing to show right now.',
  kinds: {},
};
const SHAPES = { __proto__: null, open: '●', waiting: '◆', late: '▲', solved: '✔', declined: '✕' };
const UNITS = [['year', 31_536_000], ['month', 2_592_000], ['day', 86_400], ['hour', 3_600], ['minute', 60]]; // prettier-ignore

const sheet = new CSSStyleSheet();
sheet.replaceSync(`.panel{box-sizing:border-box;display:flex;flex-direction:column;gap:.55em;block-size:100%;padding:1em 1.15em .8em;overflow:hidden;border:1px solid var(--line);border-radius:var(--ticket-radius,16px);background:var(--paper);color:var(--ink);font:var(--s)/1.45 var(--ticket-font,system-ui,sans-serif);font-variant-numeric:tabular-nums;text-align:start;--quiet:color-mix(in oklab,var(--ink) 76%,var(--paper));--tone:light-dark(oklch(.48 .12 240),oklch(.79 .11 235))}
.panel *{min-inline-size:0}
.waiting{--tone:light-dark(oklch(.48 .13 300),oklch(.8 .11 305))}.late{--tone:light-dark(oklch(.49 .12 55),oklch(.83 .13 75))}.solved{--tone:light-dark(oklch(.46 .11 155),oklch(.8 .13 155))}.declined{--tone:var(--quiet)}
.top,.item{display:flex;gap:.8em;align-items:center}.top>.face{font-size:1.3em;line-height:2}.top>:nth-child(2){flex:1}
.who{display:block;font-size:1.08em;line-height:1.3}.name{unicode-bidi:isolate}.panel .name{white-space:nowrap;text-overflow:ellipsis;overflow:hidden;display:block}
.quiet,.at{color:var(--quiet);font-size:.9em}
.subject{display:-webkit-box;-webkit-box-orient:vertical;-webkit-line-clamp:2;overflow:hidden;flex:none;color:inherit;font-weight:560;text-decoration:none;overflow-wrap:anywhere}.subject:hover{text-decoration:underline}
.clock{display:flex;flex-wrap:wrap;gap:.2em .7em;align-items:baseline}.clock>.time{font-size:1.9em;line-height:1.15;letter-spacing:-.025em;font-weight:660}
.state{color:var(--tone);font-size:.9em;font-weight:600;white-space:nowrap}
.promise{font-size:.95em}.late>.promise{color:var(--tone);font-weight:560}
.latest{flex:0 1 auto;overflow:hidden;border-inline-start:3px solid color-mix(in oklab,var(--accent) 45%,var(--paper));padding-inline-start:.8em;max-block-size:4.35em;overflow-wrap:anywhere}
.latest :is(p,ul,ol,pre,blockquote),.said :is(p,ul,ol,pre,blockquote){margin:0 0 .3em;white-space:normal}.panel :is(ul,ol) :is(ul,ol){padding-inline-start:1.3em}.latest a,.said a{color:var(--accent)}
.links{display:flex;flex-wrap:wrap;gap:.1em 1.1em;margin-block-start:auto;border-block-start:1px solid var(--line);padding-block-start:.5em}
.link{color:var(--accent);font-size:.93em;font-weight:600;text-decoration:none;line-height:1.9}.link:hover{text-decoration:underline}
.list{flex:1;list-style:none;margin:0 -1.15em;padding:0;overflow-y:auto;scrollbar-width:thin}
.item{align-items:flex-start;padding:.65em 1.15em;border-block-start:1px solid var(--line)}.item>:nth-child(2){flex:1}.item>.face{font-size:.86em;line-height:2;margin-block-start:.15em}
.said{overflow-wrap:anywhere}.list:focus-visible{outline-offset:-3px}
.is-live{align-self:flex-start;color:var(--quiet);font-size:.85em}.is-live::before{content:"";display:inline-block;inline-size:.6em;block-size:.6em;margin-inline-end:.45em;border-radius:50%;background:light-dark(oklch(.55 .13 155),oklch(.8 .13 155))}
.none{margin:auto;color:var(--quiet)}`);

/** Show a host's facts in its panel and return the panel; what stays the same stays the same node. */
export function draw(host, look, words, kit) {
  const { facts, isWatched } = host.ticket;
  const show = { ...kit, facts, isWatched, base: words, words: { __proto__: null, ...ENGLISH, ...words.card, locale: words.locale } };
  const fresh = kit.make('article', 'panel', ...LOOKS[look](show));
  fresh.className += ` ${kit.state(facts)}`;
  fresh.ariaLabel = facts.subject ?? facts.title ?? '';
  [fresh.lang, fresh.dir] = [words.lang ?? 'en', words.dir ?? 'ltr'];
  host.root.adoptedStyleSheets = [kit.sheet, sheet];
  if (host.panel) morph(host.panel, fresh);
  return (host.panel ??= fresh);
}

const LOOKS = {
  __proto__: null,
  card: (show) => [top(show), subject(show), clock(show), promise(show), latest(show), links(show)],
  timeline: (show) => [top(show), subject(show), clock(show), list(show, show.facts.recent ?? [], entry), links(show)],
  wall: (show) => [heading(show), list(show, show.facts.items ?? [show.facts], item), more(show)],
};

function top({ make, face, facts, words, isWatched }) {
  const { assignee, ended_at } = facts;
  const name = make('b', 'who name', assignee.name);
  name.dir = 'auto';
  return make('div', 'top', face(assignee.face), make('div', '', name, make('span', 'quiet', ended_at ? words.had : words.has)), ...(isWatched && !ended_at ? [make('span', 'is-live', words.live)] : []));
}

function subject({ make, facts: { subject, url } }) {
  const link = make('a', 'subject', subject);
  [link.href, link.dir] = [url, 'auto'];
  return link;
}

function clock({ make, span, state, facts, base, words }) {
  const now = state(facts);
  return make('div', 'clock', make('b', 'time', span(facts, base.units)), make('span', 'state', `${SHAPES[now]} ${words[now]}`));
}

function promise({ fill, due, facts: { promise }, words }) {
  if (!promise) return '';
  const kind = promise.state === 'missed' ? 'missed' : promise.check_in ? 'check' : 'next'; // prettier-ignore
  return fill('promise', words[kind], { due: due(promise.due_at, words.locale) });
}

function latest({ make, facts: { latest } }) {
  if (!latest) return '';
  const said = make('div', 'latest', written(latest.html));
  said.dir = 'auto';
  return said;
}

/** A list that may be longer than its room: it scrolls, also by keyboard. */
function list(show, rows, draw) {
  const found = show.make('ol', 'list');
  for (const row of rows) draw === entry ? found.prepend(entry(show, row)) : found.append(item(show, row));
  if (!rows.length) return show.make('p', 'none', show.words.none);
  found.tabIndex = 0;
  found.ariaLabel = show.facts.title ?? show.words.happened;
  return found;
}

function entry({ make, face, words }, { kind, at, sentence, actor, html }) {
  const said = html ? make('div', 'said', written(html)) : make('div', 'said', words.kinds[kind]?.replace('{name}', actor.name) ?? sentence);
  if (!html && !words.kinds[kind]) said.lang = 'en';
  said.dir = 'auto';
  const when = make('time', 'at', html ? `${actor.name} · ${ago(at, words.locale)}` : ago(at, words.locale));
  when.dateTime = at;
  when.title = new Date(at).toLocaleString(words.locale);
  return make('li', 'item', face(actor.face), make('div', '', said, when));
}

function item({ make, face, span, state, base, words }, facts) {
  const now = state(facts);
  const who = make('div', 'at', make('span', `state ${now}`, `${SHAPES[now]} ${span(facts, base.units)}`), ` · ${facts.assignee.name}`);
  return make('li', 'item', face(facts.assignee.face), make('div', '', subject({ make, facts }), who));
}

function heading({ make, facts, words, isWatched }) {
  const title = make('b', 'who name', facts.title ?? facts.subject);
  title.dir = 'auto';
  return make('div', 'top', '', make('div', '', title), ...(isWatched ? [make('span', 'is-live', words.live)] : []));
}

function more({ make, facts: { url, more: isMore }, words }) {
  return url ? make('div', 'links', link(make, url, `${words.all}${isMore ? ' …' : ''}`)) : '';
}

function links({ make, facts: { url, ended_at, waiting_too }, words }) {
  const count = waiting_too ? ` · ${waiting_too}` : '';
  const given = ended_at ? [['', words.all]] : [['#follow', words.follow], ['#waiting-too', `${words.too}${count}`]]; // prettier-ignore
  const row = make('div', 'links');
  for (const [place, text] of [...given, ['#thanks', words.thanks]]) row.append(link(make, `${url}${place}`, text));
  return row;
}

function link(make, href, text) {
  const made = make('a', 'link', text);
  made.href = href;
  return made;
}

/** "3 days ago", in the reader's language. */
function ago(at, locale) {
  const seconds = (Date.now() - new Date(at)) / 1000;
  const format = new Intl.RelativeTimeFormat(locale, { __proto__: null, numeric: 'auto' });
  for (const [unit, size] of UNITS) if (seconds >= size) return format.format(-Math.floor(seconds / size), unit);
  return format.format(0, 'minute');
}

/** Make `old` what `fresh` is, keeping nodes, so that focus, selection and scrolling stay. */
function morph(old, fresh) {
  if (old.isEqualNode(fresh)) return;
  if (old.nodeName !== fresh.nodeName) old.replaceWith(fresh);
  else if (old.nodeType === Node.TEXT_NODE) old.data = fresh.data;
  else {
    for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
    for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    const [before, after] = [[...old.childNodes], [...fresh.childNodes]];
    if (before.length !== after.length) old.replaceChildren(...after);
    else for (const [place, node] of after.entries()) morph(before[place], node);
  }
}
