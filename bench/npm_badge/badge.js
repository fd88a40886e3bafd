// The peers: badge-maker (the library of shields.io) behind Node's http, made for each request or once, and behind Express.
const { createHash } = require('node:crypto');
const { readFileSync } = require('node:fs');
const http = require('node:http');
const path = require('node:path');
const { makeBadge } = require('badge-maker');

const { MODE, BODIES, PORT } = process.env;
const read = (name) => readFileSync(path.join(BODIES, name));
const facts = JSON.parse(read('badge.json'));
const KINDS = { '/badge.json': 'application/json', '/badge.svg': 'image/svg+xml; charset=utf-8', '/embed.js': 'text/javascript; charset=utf-8' };
const script = read('embed.js');
const MAKERS = {
  '/badge.json': () => Buffer.from(JSON.stringify(facts)),
  '/badge.svg': () => Buffer.from(makeBadge({ label: 'ticket', message: 'open 3 d 4 h · Mia Lindqvist', color: '#0b5c96' })),
  '/embed.js': () => script,
};
const etag = (body) => `"${createHash('sha256').update(body).digest('hex').slice(0, 32)}"`;
const kept = Object.fromEntries(Object.keys(KINDS).map((at) => {
  const body = MODE === 'cached' ? read(at.slice(1)) : MAKERS[at]();
  return [at, { body, etag: etag(body) }];
}));

function serve(request, answer) {
  if (!KINDS[request.url]) {
    answer.end('ok');
    return;
  }
  const asked = request.headers['if-none-match'];
  let { body, etag: tag } = kept[request.url];
  if (MODE === 'made') {
    body = MAKERS[request.url]();
    if (asked) tag = etag(body);
  }
  const headers = { 'Cache-Control': 'public, max-age=2', 'Access-Control-Allow-Origin': '*', ETag: tag };
  if (asked === tag) {
    answer.writeHead(304, headers);
    answer.end();
    return;
  }
  answer.writeHead(200, { ...headers, 'Content-Type': KINDS[request.url], 'Content-Length': body.length });
  answer.end(body);
}

if (MODE === 'express') {
  const express = require('express');
  const app = express();
  for (const at of Object.keys(KINDS)) {
    app.get(at, (_request, answer) => {
      answer.set({ 'Cache-Control': 'public, max-age=2', 'Access-Control-Allow-Origin': '*' });
      answer.type(KINDS[at]).send(MAKERS[at]());
    });
  }
  app.get('/', (_request, answer) => answer.send('ok'));
  app.listen(Number(PORT), '127.0.0.1');
} else {
  http.createServer(serve).listen(Number(PORT), '127.0.0.1');
}
