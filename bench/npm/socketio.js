// The peer: Node's socket.io as its documentation sets it up, with a route that emits one update to a room.
const http = require('node:http');
const { Server } = require('socket.io');

const server = http.createServer((request, answer) => {
  const url = new URL(request.url, 'http://x');
  if (url.pathname === '/bench/emit') {
    const update = { seq: Number(url.searchParams.get('seq')), body: 'x'.repeat(Number(url.searchParams.get('size') ?? 600)) };
    io.to(url.searchParams.get('ref')).emit('event', update);
  }
  answer.end('ok');
});
const io = new Server(server);
io.on('connection', (socket) => {
  socket.on('watch', (wanted, answer) => {
    socket.join(wanted.ref);
    answer({ last: 0 });
  });
});
server.listen(Number(process.env.PORT), '127.0.0.1');
