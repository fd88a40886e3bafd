/**
 * Lets a page's badges hear of news, and says it to screen readers: one socket for all, Socket.IO 5 over Engine.IO 4, WebSocket only; no more of it than we speak.
 * Wire: https://socket.io/docs/v4/engine-io-protocol/ and https://socket.io/docs/v4/socket-io-protocol/
 */
let steps;

/** Soon: watch what is in sight, leave what is not, keep no wire that nobody needs. */
export const pace = (...given) => (steps ??= wired(...given))();

function wired(tickets, isLive, refresh, safe) {
  const ROOMS = 20;
  const PACE = 125;
  const SILENCE = 60_000;
  const IDLE = 5_000;
  const LONGEST_WAIT = 30_000;
  const asked = [];
  let socket, isUp, retry, pacing, idle, attempt, hold; // times not set yet are none

  /** One message at a time, slower than the server's limit. */
  function step() {
    const wanted = new Set();
    pacing = clearTimeout(pacing); // whoever called, there is one row of steps
    clearTimeout(idle);
    for (const ticket of tickets.values()) if (wanted.size < ROOMS && ticket.facts?.epoch && isLive(ticket)) wanted.add(ticket);
    if (!wanted.size) {
      retry = clearTimeout(retry);
      idle = setTimeout(() => socket?.end(), document.hidden || IDLE); // true: at once
    } else if (!socket && !retry) {
      // The first try at once, the others spread, so that a crowd does not come back as one.
      retry = setTimeout(connect, hold + attempt * (0.5 + Math.random()));
      attempt = Math.min(attempt * 2 || 1_000, LONGEST_WAIT);
    }
    if (isUp) send(wanted, false) || send(wanted, true);
  }

  function send(wanted, isWanted) {
    for (const ticket of tickets.values()) {
      if (!ticket.isAsked !== isWanted || wanted.has(ticket) !== isWanted) continue;
      const verb = isWanted ? (ticket.facts.items ? 'watch_list' : 'watch') : 'unwatch';
      ticket.isAsked = isWanted;
      ticket.isWatched = false;
      // Written by hand: pages that give arrays a toJSON of their own break JSON.stringify.
      socket.send(`42${asked.length}["${verb}",{"embed":"${ticket.id}","after":${ticket.facts.last ?? 0}}]`);
      asked[asked.length] = isWanted && ticket;
      return (pacing = setTimeout(step, PACE));
    }
  }

  const connect = safe(() => {
    const wire = new WebSocket(new URL('/socket.io/?EIO=4&transport=websocket', import.meta.url.replace('http', 'ws')));
    let silence;
    socket = wire;
    retry = hold = 0;
    wire.onmessage = safe(async ({ data }) => {
      clearTimeout(silence);
      silence = setTimeout(wire.end, SILENCE);
      const [, type, id, body] = /^(\d[0-4]?)(\d*)(.*)/s.exec(data);
      if (type === '0') wire.send('40');
      if (type === '2') wire.send('3');
      if (/^(1|4[14])$/.test(type)) wire.end();
      if (type === '40') {
        isUp = true;
        attempt = 1_000;
        step();
      }
      const [first, said] = /4[23]/.test(type) ? await new Response(body).json() : []; // JSON.parse may be the page's own
      if (said) hear(first, said);
      else if (first && asked[id]) settle(asked[id], first);
    });
    wire.end = () => {
      if (wire.readyState) wire.close();
      else wire.onopen = () => wire.close(); // closed before it is open, it would complain in the host's console
      wire.onclose(); // the other side may be slow to say goodbye, or gone
    };
    wire.onclose = () => {
      if (socket !== wire) return;
      clearTimeout(silence);
      socket = isUp = null;
      for (const ticket of tickets.values()) {
        if (ticket.isWatched) ticket.next = Date.now() + Math.random() * 5_000;
        ticket.isWatched = ticket.isAsked = false;
        refresh(ticket);
      }
    };
  });

  /** The server lets us watch; ask if something was said since the badge's facts were read. A wall's answer does not say. */
  function settle(ticket, { error, last = 1, epoch }) {
    const { facts } = ticket;
    ticket.isWatched = !error; // refused: it may have been taken back, so it asks at once, and by itself from then on
    if (last > facts.last || epoch !== facts.epoch) ticket.hint = Math.max(ticket.hint, last);
    ticket.next = ticket.hint ? 0 : Infinity; // news may have overtaken this answer: its hint stays
    refresh(ticket);
  }

  function hear(name, { ref, embed, seq, ms }) {
    hold = ms ?? hold;
    for (const ticket of tickets.values()) {
      const { facts, id } = ticket;
      if (embed ? embed !== id : !facts?.url?.endsWith(`/${ref}`)) continue;
      if (name === 'gone') ticket.isWatched = ticket.isAsked = false; // restyled, perhaps: then we may watch again
      // Spread over a moment, so that a much-read page does not ask all at once; a wall changes often and asks less.
      ticket.next = Date.now() + (facts.items ? 1_000 : 150) * (1 + Math.random());
      ticket.hint = seq ?? 1;
      refresh(ticket);
    }
  }

  return () => (document.hidden ? step() : (pacing ||= setTimeout(step)));
}

/** Return what a stretch of HTML without tags says. */
export const plain = (text) =>
  text.replace(/&(#?)(\w+);/g, (whole, isNumber, name) => (isNumber ? String.fromCodePoint(name.replace('x', '0x')) : ({ __proto__: null, amp: '&', lt: '<', gt: '>', quot: '"' }[name] ?? whole)));

/** Say the words that are new since `before` to screen readers, once a page however many badges show them. */
export function announce({ facts: { latest, assignee }, seen }, before) {
  const [host] = seen;
  if (!host || !before.epoch || !latest || latest.at === before.latest?.at) return;
  const region = document.createElement('span');
  region.role = 'status';
  region.style = 'position:absolute;clip-path:inset(50%)';
  host.shadowRoot.append(region);
  // A region speaks of what is put into it later, not of what it came with.
  setTimeout(() => (region.textContent = `${(latest.by ?? assignee).name}: ${plain(latest.html.replace(/<[^>]*>/g, ' ')).slice(0, 200)}`), 100);
  setTimeout(() => region.remove(), 8_000);
}
