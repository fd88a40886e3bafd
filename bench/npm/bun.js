// The peer: Bun's publish, uWebSockets inside, speaking just enough Socket.IO for the viewers of this benchmark.
let number = 0;
const server = Bun.serve({
  hostname: '127.0.0.1',
  port: Number(process.env.PORT),
  fetch(request, server) {
    const url = new URL(request.url);
    if (url.pathname === '/socket.io/') return server.upgrade(request) ? undefined : new Response('no', { status: 400 });
    if (url.pathname === '/bench/emit') {
      const update = { seq: Number(url.searchParams.get('seq')), body: 'x'.repeat(Number(url.searchParams.get('size') ?? 600)) };
      server.publish(url.searchParams.get('ref'), '42' + JSON.stringify(['event', update]));
    }
    return new Response('ok');
  },
  websocket: {
    perMessageDeflate: false,
    sendPings: false,
    idleTimeout: 0,
    open(socket) {
      socket.send(`0{"sid":"s${++number}","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":16384}`);
    },
    message(socket, said) {
      if (said === '40') socket.send(`40{"sid":"x${++number}"}`);
      else if (said.startsWith('42')) {
        socket.subscribe(JSON.parse(said.slice(3))[1].ref);
        socket.send(`43${said[2]}[{"last":0}]`);
      }
    },
  },
});
