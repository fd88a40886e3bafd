/**
 * What people wrote, from our HTML to nodes: a walk over tags from an allow-list. No parser of the browser sees the text,
 * so nothing in it can run, and pages that require Trusted Types have nothing to object to.
 */
const TAGS = /^(p|strong|em|code|pre|ul|ol|li|br|blockquote|a)$/;
const HREF = /^(https?:\/\/|mailto:)/i;
const NAMED = new Map([['amp', '&'], ['lt', '<'], ['gt', '>'], ['quot', '"'], ['nbsp', '\u00a0']]); // prettier-ignore

const plain = (text) => text.replace(/&(?:#x([\da-f]+)|#(\d+)|(\w+));/gi, (whole, hex, number, name) => (name ? (NAMED.get(name) ?? whole) : String.fromCodePoint(parseInt(hex ?? number, hex ? 16 : 10))));

/** Return a fragment with what `html` says. */
export function written(html) {
  const top = document.createDocumentFragment();
  let open = top;
  for (const [, end, tag, more, text] of html.matchAll(/<(\/?)(\w+)([^>]*)>|([^<]+)/g)) {
    if (text) open.append(plain(text));
    else if (!TAGS.test(tag)) continue;
    else if (!end) {
      const element = link(document.createElement(tag), more);
      open.append(element);
      if (tag !== 'br') open = element;
    } else if (open.localName === tag) open = open.parentNode;
  }
  return top;
}

function link(element, more) {
  const href = plain(/ href="([^"]*)"/.exec(more)?.[1] ?? '');
  if (element.localName === 'a' && HREF.test(href)) {
    element.href = href;
    element.rel = 'nofollow ugc noopener noreferrer';
  }
  return element;
}
