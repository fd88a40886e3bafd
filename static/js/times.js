/**
 * Keeps the page's times true with one timer: relative, due and elapsed times, in the reader's own zone.
 * `<time datetime data-time="relative|for|due|clock">`, `<time data-elapsed="since" [data-short]>`, `<progress data-from data-due>`.
 */
const TICK = 10_000;
const [MINUTE, HOUR, DAY] = [60, 3_600, 86_400];

const counted = (count, unit) => `${count} ${unit}${count === 1 ? '' : 's'}`;

/** "12 days 4 h", short "12 d 4 h": the two largest units, rounded down; the words of tracker/clock.py. */
export function humanise(seconds, short = false) {
  const whole = Math.max(0, seconds);
  const days = Math.floor(whole / DAY);
  const hours = Math.floor(whole / HOUR) % 24;
  const minutes = Math.floor(whole / MINUTE) % 60;
  if (days) return `${short ? `${days} d` : counted(days, 'day')}${hours ? ` ${hours} h` : ''}`;
  if (hours) return `${hours} h${minutes ? ` ${minutes} min` : ''}`;
  if (minutes) return `${minutes} min`;
  return short ? '< 1 min' : 'under a minute';
}

/** "3 days ago", "in 5 h", "just now": one unit, for reading past. */
export function relative(at, now) {
  const apart = Math.abs(now - at) / 1000;
  if (apart < MINUTE) return at <= now ? 'just now' : 'in under a minute';
  let words = counted(Math.floor(apart / DAY / 365), 'year');
  if (apart < HOUR) words = `${Math.floor(apart / MINUTE)} min`;
  else if (apart < DAY) words = `${Math.floor(apart / HOUR)} h`;
  else if (apart < 60 * DAY) words = counted(Math.floor(apart / DAY), 'day');
  else if (apart < 730 * DAY) words = counted(Math.floor(Math.floor(apart / DAY) / 30), 'month');
  return at < now ? `${words} ago` : `in ${words}`;
}

// Making a format costs a hundred times what using it does, and a long timeline has a thousand times to say.
const formats = new Map();

function formatted(at, locale, options) {
  const key = `${locale} ${JSON.stringify(options)}`;
  if (!formats.has(key)) formats.set(key, new Intl.DateTimeFormat(locale, options));
  return formats.get(key).format(at);
}

function dayNumber(at, zone) {
  const day = formatted(at, 'en-CA', { timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit' });
  return Date.parse(`${day}T00:00:00Z`) / 86_400_000;
}

/** "today 17:00", "tomorrow 12:00", "Tue 14:00" within a week, else "3 Dec 14:00" (with the year when it is another). */
export function dueText(at, now, zone) {
  // American short months are all three letters, as the server's are; the order is ours.
  const part = (options, moment = at) => formatted(moment, 'en-US', { timeZone: zone, ...options });
  const time = part({ hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
  const days = dayNumber(at, zone) - dayNumber(now, zone);
  const near = { '-1': 'yesterday', 0: 'today', 1: 'tomorrow' }[days];
  if (near) return `${near} ${time}`;
  if (days > 1 && days < 7) return `${part({ weekday: 'short' })} ${time}`;
  const [year, thisYear] = [part({ year: 'numeric' }), part({ year: 'numeric' }, now)];
  return `${part({ day: 'numeric' })} ${part({ month: 'short' })}${year === thisYear ? '' : ` ${year}`} ${time}`;
}

/** The whole truth, for hovering and for readers: "Tuesday 24 November 2026 at 14:00 CET". */
export function exact(at, zone) {
  const options = { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric', hour: '2-digit', minute: '2-digit', hourCycle: 'h23', timeZoneName: 'short' };
  return formatted(at, 'en-GB', { timeZone: zone, ...options });
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
  const yours = () => `${dueText(at, now)} (your time)`;
  const words = { relative: () => relative(at, now), for: since, due: () => dueText(at, now), yours, clock: () => exact(at) }[time.dataset.time];
  if (words) write(time, words());
  const title = exact(at);
  if (time.title !== title) time.title = title;
}

/** Bring every time under `root` up to now; call it for what was just put into the page. */
export function refresh(root = document, now = new Date()) {
  for (const time of root.querySelectorAll('time[data-time], time[data-elapsed]')) update(time, now);
  for (const bar of root.querySelectorAll('progress[data-due]')) {
    const [from, due] = [Date.parse(bar.dataset.from), Date.parse(bar.dataset.due)];
    if (due > from) bar.value = Math.min(100, Math.max(0, (100 * (now - from)) / (due - from)));
  }
}

for (const field of document.querySelectorAll('input[data-zone]')) field.value = Intl.DateTimeFormat().resolvedOptions().timeZone;
refresh();
setInterval(() => document.hidden || refresh(), TICK);
document.addEventListener('visibilitychange', () => document.hidden || refresh());
