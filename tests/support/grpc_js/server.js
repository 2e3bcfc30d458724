// The server of grpc_test.py on grpc-js: the methods of its class Server.
//
//   server.js PORT [MAX_CONNECTION_AGE_MS]
//
// Prints a line of JSON for what the test asks about: its port, peers, and calls that have ended before their answer.
// Reads lines: the answer of the health service, in hex.
'use strict';
const grpc = require('@grpc/grpc-js');
const bytes = (value) => value;
const [port, age] = process.argv.slice(2);
const report = (what) => process.stdout.write(JSON.stringify(what) + '\n');
let serving = Buffer.from('0801', 'hex');

function ours(call, prefix) {
  const metadata = new grpc.Metadata();
  for (const name of Object.keys(call.metadata.getMap()).filter((name) => name.startsWith('x-')))
    for (const value of call.metadata.get(name)) metadata.add(name.replace('x-', prefix), value);
  return metadata;
}

function fail(call, done) {
  const metadata = new grpc.Metadata();
  metadata.add('x-why-bin', Buffer.from('00ff', 'hex'));
  done({ code: grpc.status[call.request.toString()], details: '100% of nothing: é\n', metadata });
}

function echo(call, done) {
  report({ peer: call.getPeer() });
  call.sendMetadata(ours(call, 'x-'));
  done(null, call.request, ours(call, 'x-trailing-'));
}

function wait(call) {
  if (call.metadata.get('x-begin').length) call.sendMetadata(new grpc.Metadata());
  call.on('cancelled', () => report({ cancelled: call.request.toString() }));
}

async function count(call) {
  for (let at = 0; at < Number(call.request.toString()); ++at)
    if (!call.write(Buffer.from(String(at)))) await new Promise((resolve) => call.once('drain', resolve));
  call.end();
}

function sum(call, done) {
  let size = 0;
  call.on('data', (message) => { size += message.length; });
  call.on('end', () => done(null, Buffer.from(String(size))));
}

function chat(call) {
  call.on('data', (message) => {
    if (message.toString() === 'fail')
      call.emit('error', { code: grpc.status.DATA_LOSS, details: 'within the stream' });
    else
      call.write(message);
  });
  call.on('end', () => {
    const metadata = new grpc.Metadata();
    metadata.add('x-over', 'yes');
    call.end(metadata);
  });
}

const method = (path, requestStream, responseStream) => ({
  path, requestStream, responseStream, requestSerialize: bytes, requestDeserialize: bytes, responseSerialize: bytes,
  responseDeserialize: bytes,
});
const methods = { Echo: [false, false, echo], Fail: [false, false, fail], Wait: [false, false, wait],
                  Count: [false, true, count], Sum: [true, false, sum], Chat: [true, true, chat] };
const options = { 'grpc.keepalive_time_ms': 500, 'grpc.keepalive_timeout_ms': 1000 };
if (age) options['grpc.max_connection_age_ms'] = Number(age);
const server = new grpc.Server(options);
for (const service of ['test', 'slow']) {
  const names = Object.keys(methods);
  server.addService(
      Object.fromEntries(names.map((name) => [name, method(`/${service}/${name}`, ...methods[name].slice(0, 2))])),
      Object.fromEntries(names.map((name) => [name, methods[name][2]])));
}
server.addService({ Check: method('/grpc.health.v1.Health/Check', false, false) },
                  { Check: (call, done) => done(null, serving) });
require('readline').createInterface({ input: process.stdin }).on('line', (line) => {
  serving = Buffer.from(line, 'hex');
}).on('close', () => process.exit(0));
server.bindAsync(`127.0.0.1:${port}`, grpc.ServerCredentials.createInsecure(), (error, bound) => {
  if (error) throw error;
  report({ port: bound });
});
