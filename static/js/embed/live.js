/**
 * Lets a page's badges hear of news: one socket for all, Socket.IO 5 over Engine.IO 4, WebSocket only; no more of it than we speak.
 * Wire: https://socket.io/docs/v4/engine-io-protocol/ and https://socket.io/docs/v4/socket-io-protocol/
 */
const ROOMS = 20;
const PACE = 125;
const SILENCE = 60_000;
const RETRY = 500;
const LONGEST_RETRY = 30_000;

const asked = [];
let core = null;
let [socket, isUp, attempt, hold, retry, pacing] = [null, false, 0, 0, 0, 0];

const parse = (text) => new Response(text).json(); // JSON.parse may be the page's own

/** Soon: watch what is in sight, leave what is not, keep no wire that nobody needs. */
export function pace(given) {
  core = given;
  if (document.hidden) step();
  else pacing ||= setTimeout(step);
}

/** One message at a time, slower than the server's limit. */
function step() {
  const wanted = new Set();
  clearTimeout(pacing);
  pacing = 0;
  for (const ticket of core.tickets.values()) if (wanted.size < ROOMS && ticket.facts?.epoch && core.isLive(ticket)) wanted.add(ticket);
  if (!wanted.size) {
    clearTimeout(retry);
    retry = 0;
    socket?.close();
  } else if (!socket) retry ||= setTimeout(connect, wait());
  else if (isUp) send(wanted, false) || send(wanted, true);
}

/** How long to stay away before the next try: the first at once, the others spread, so that a crowd does not come back as one. */
function wait() {
  const spread = attempt && Math.min(RETRY * 2 ** attempt, LONGEST_RETRY) * (0.5 + Math.random());
  attempt += 1;
  return hold + spread;
}

function send(wanted, isWanted) {
  for (const ticket of core.tickets.values()) {
    if (ticket.isAsked === isWanted || wanted.has(ticket) !== isWanted || (!isWanted && !ticket.isAsked)) continue;
    const verb = isWanted ? (ticket.facts.items ? 'watch_list' : 'watch') : 'unwatch';
    asked.length += 1;
    asked[asked.length - 1] = isWanted ? ticket : null;
    ticket.isAsked = isWanted;
    ticket.isWatched = false;
    // Written by hand: pages that give arrays a toJSON of their own break JSON.stringify.
    socket.send(`42${asked.length - 1}["${verb}",{"embed":"${ticket.id}","after":${ticket.facts.last ?? 0}}]`);
    pacing = setTimeout(step, PACE);
    return true;
  }
  return false;
}

const connect = () =>
  core.safe(() => {
    retry = 0;
    const wire = new WebSocket(`${core.origin.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`);
    let silence = 0;
    socket = wire;
    wire.onmessage = core.safe(async ({ data }) => {
      clearTimeout(silence);
      silence = setTimeout(() => wire.close(), SILENCE);
      const [, type, id, body] = /^(\d[023]?)(\d*)(.*)/s.exec(data);
      if (type === '0') wire.send('40');
      else if (type === '2') wire.send('3');
      else if (type === '42') hear(...(await parse(body)));
      else if (type === '43') settle(asked[id], ...(await parse(body)));
      else if (type === '40') {
        [isUp, attempt, hold] = [true, 1, 0];
        step();
      }
    });
    wire.onclose = () => {
      clearTimeout(silence);
      [socket, isUp] = [null, false];
      for (const ticket of core.tickets.values()) {
        if (ticket.isWatched) ticket.next = core.within(RETRY * 10);
        ticket.isWatched = ticket.isAsked = false;
        core.review(ticket);
      }
    };
  })();

/** The server lets us watch; ask if something was said since the badge's facts were read. */
function settle(ticket, { last, epoch }) {
  if (!ticket || (!epoch && !ticket.facts.items)) return;
  ticket.isWatched = true;
  ticket.next = last > ticket.facts.last || (epoch && epoch !== ticket.facts.epoch) ? 0 : Infinity;
  ticket.hosts.forEach(core.paint);
  core.review(ticket);
}

function hear(name, { ref, embed, seq, ms }) {
  if (ms) hold = ms;
  for (const ticket of core.tickets.values()) {
    const { facts, id } = ticket;
    if (embed !== id && !(name === 'changed' ? facts?.items : facts?.url?.endsWith(`/${ref}`))) continue;
    // Spread over a moment, so that a much-read page does not ask all at once; a wall changes often and asks less.
    ticket.next = facts.items ? core.within(1_000) : Date.now() + Math.random() * 300;
    ticket.hint = seq ?? 1;
    core.review(ticket);
  }
}
