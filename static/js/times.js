/**
 * Keeps the page's times true with one timer: relative, due and elapsed times, in the reader's own zone.
 * `<time datetime data-time="relative|for|due|clock">`, `<time data-elapsed="since" [data-short]>`, `<progress data-from data-due>`.
 */
const TICK = 10_000;
const UNITS = [
  ['day', 'd', 86_400],
  ['h', 'h', 3_600],
  ['min', 'min', 60],
];

/** "12 days 4 h", or "12 d 4 h": the two largest units, never more precise than a minute. */
export function humanise(seconds, short = false) {
  const whole = Math.max(0, Math.floor(seconds / 60) * 60);
  const first = UNITS.findIndex(([, , size]) => whole >= size);
  if (first < 0) return 'under a minute';
  let rest = whole;
  const parts = UNITS.slice(first, first + 2).map(([long, brief, size]) => {
    const count = Math.floor(rest / size);
    rest -= count * size;
    return count ? `${count} ${short ? brief : long === 'day' && count > 1 ? 'days' : long}` : '';
  });
  return parts.filter(Boolean).join(' ');
}

/** "3 days ago", "in 5 h", "just now": one unit, for reading past. */
export function relative(at, now) {
  const seconds = (now - at) / 1000;
  const distance = Math.abs(seconds);
  const [long, , size] = UNITS.find(([, , each]) => distance >= each) ?? UNITS[2];
  if (distance < 60) return seconds >= 0 ? 'just now' : 'in under a minute';
  const count = Math.floor(distance / size);
  const words = `${count} ${long === 'day' && count > 1 ? 'days' : long}`;
  return seconds >= 0 ? `${words} ago` : `in ${words}`;
}

function dayNumber(at, zone) {
  const day = new Intl.DateTimeFormat('en-CA', { timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit' }).format(at);
  return Date.parse(`${day}T00:00:00Z`) / 86_400_000;
}

/** "today 17:00", "tomorrow 12:00", "Tue 14:00" within a week, else "3 Dec 14:00" (with the year when it is another). */
export function dueText(at, now, zone) {
  const part = (options) => new Intl.DateTimeFormat('en-GB', { timeZone: zone, ...options }).format(at);
  const time = part({ hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
  const days = dayNumber(at, zone) - dayNumber(now, zone);
  const near = { '-1': 'yesterday', 0: 'today', 1: 'tomorrow' }[days];
  if (near) return `${near} ${time}`;
  if (Math.abs(days) < 7) return `${part({ weekday: 'short' })} ${time}`;
  const sameYear = part({ year: 'numeric' }) === new Intl.DateTimeFormat('en-GB', { timeZone: zone, year: 'numeric' }).format(now);
  return `${part({ day: 'numeric', month: 'short', ...(sameYear ? {} : { year: 'numeric' }) })} ${time}`;
}

/** The whole truth, for hovering and for readers: "Tuesday 24 November 2026 at 14:00 CET". */
export function exact(at, zone) {
  return new Intl.DateTimeFormat('en-GB', {
    timeZone: zone, weekday: 'long', day: 'numeric', month: 'long', year: 'numeric', hour: '2-digit', minute: '2-digit', hourCycle: 'h23', timeZoneName: 'short',
  }).format(at); // prettier-ignore
}

// Changing the text node, not replacing it, is not an addition: a log does not announce it.
function write(element, words) {
  const text = element.firstChild;
  if (text?.nodeType === Node.TEXT_NODE && !text.nextSibling) {
    if (text.data !== words) text.data = words;
  } else element.textContent = words;
}

function update(time, now) {
  const at = new Date(time.dataset.elapsed ?? time.dateTime);
  if (Number.isNaN(at.getTime())) return;
  if (time.dataset.elapsed) {
    write(time, humanise((now - at) / 1000, 'short' in time.dataset));
    return;
  }
  const since = () => (now - at < 60_000 ? 'a moment' : relative(at, now).replace(' ago', ''));
  const words = { relative: () => relative(at, now), for: since, due: () => dueText(at, now), clock: () => exact(at) }[time.dataset.time];
  if (words) write(time, words());
  time.title = exact(at);
}

/** Bring every time under `root` up to now; call it for what was just put into the page. */
export function refresh(root = document, now = new Date()) {
  for (const time of root.querySelectorAll('time[data-time], time[data-elapsed]')) update(time, now);
  for (const bar of root.querySelectorAll('progress[data-due]')) {
    const [from, due] = [Date.parse(bar.dataset.from), Date.parse(bar.dataset.due)];
    if (due > from) bar.value = Math.min(100, Math.max(0, (100 * (now - from)) / (due - from)));
  }
}

refresh();
setInterval(() => document.hidden || refresh(), TICK);
document.addEventListener('visibilitychange', () => document.hidden || refresh());
