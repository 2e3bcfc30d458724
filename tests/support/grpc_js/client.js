// grpc-js as a client of grpc_test.py: each kind of call and each way to end it.
//
//   client.js ADDRESS [AUTHORITY]     AUTHORITY: a file, and the calls use TLS
//
// Prints what it got, as JSON.
'use strict';
const fs = require('fs');
const grpc = require('@grpc/grpc-js');
const bytes = (value) => value;
const [address, authority] = process.argv.slice(2);
const credentials = authority ? grpc.credentials.createSsl(fs.readFileSync(authority))
                              : grpc.credentials.createInsecure();
const connect = (options) => new grpc.Client(address, credentials, {
  'grpc.use_local_subchannel_pool': 1, 'grpc.ssl_target_name_override': 'a.test', ...options });
const soon = (ms = 20000) => ({ deadline: Date.now() + ms });

// The result of a call with one response: { value, initial, trailing } or { code, details, trailing }.
const unary = (client, method, request, metadata = new grpc.Metadata(), options = soon(), begun = () => {}) =>
  new Promise((resolve) => {
    const result = {};
    const call = client.makeUnaryRequest(`/test/${method}`, bytes, bytes, request, metadata, options, (error, value) => {
      if (error) Object.assign(result, { code: error.code, details: error.details });
      else result.value = value;
    });
    call.on('metadata', (initial) => { result.initial = initial; begun(call); });
    call.on('status', (status) => { result.trailing = status.metadata; setImmediate(resolve, result); });
  });

// The messages that a call with many responses gets.
const all = (call) => new Promise((resolve, reject) => {
  const got = [];
  call.on('data', (message) => got.push(message.toString()));
  call.on('error', reject);
  call.on('end', () => resolve(got));
});

const next = (call) => new Promise((resolve, reject) => {
  call.once('data', (message) => resolve(message.toString()));
  call.once('error', reject);
});

async function main() {
  const client = connect(), out = {};
  out.sizes = [];
  for (const size of [0, 1, 1000, 1 << 20]) {
    const { value } = await unary(client, 'Echo', Buffer.alloc(size, 'x'));
    out.sizes.push(value.equals(Buffer.alloc(size, 'x')) ? size : -1);
  }
  const counted = await all(client.makeServerStreamRequest('/test/Count', bytes, bytes, Buffer.from('1000'), soon()));
  out.counted = counted.every((text, at) => text === String(at)) ? counted.length : counted;
  out.sum = await new Promise((resolve, reject) => {
    const call = client.makeClientStreamRequest('/test/Sum', bytes, bytes, soon(), (error, value) =>
      error ? reject(error) : resolve(value.toString()));
    for (let at = 0; at < 300; ++at) call.write(Buffer.alloc(10000, 'y'));
    call.end();
  });

  const chat = client.makeBidiStreamRequest('/test/Chat', bytes, bytes, soon());
  out.chat = [];
  for (const text of ['one', 'two', 'z'.repeat(100000)]) {  // each waits for the answer to the one before
    chat.write(Buffer.from(text));
    out.chat.push((await next(chat)).length);
  }
  const status = new Promise((resolve) => chat.on('status', resolve));
  chat.on('data', () => {});
  chat.end();
  const ended = await status;
  out.chatEnd = [ended.code, ended.metadata.get('x-over')];

  const sent = new grpc.Metadata();
  sent.add('x-text', 'a'.repeat(12000));
  sent.add('x-bytes-bin', Buffer.from([...Array(2560).keys()].map((at) => at % 256)));
  const { initial, trailing } = await unary(client, 'Echo', Buffer.alloc(0), sent);
  out.metadata = [initial, trailing].map((metadata, at) => ['x-text', 'x-bytes-bin'].every((name) =>
    Buffer.from(metadata.get(at ? name.replace('x-', 'x-trailing-') : name)[0]).equals(
        Buffer.from(sent.get(name)[0]))));
  const failed = await unary(client, 'Fail', Buffer.from('NOT_FOUND'));
  out.failed = [failed.code, failed.details, failed.trailing.get('x-why-bin')[0].toString('hex')];
  out.missing = (await unary(client, 'None', Buffer.alloc(0))).code;

  out.deadline = (await unary(client, 'Wait', Buffer.from('deadline'), new grpc.Metadata(), soon(300))).code;
  const begin = new grpc.Metadata();
  begin.add('x-begin', 'yes');
  out.cancelled = (await unary(client, 'Wait', Buffer.from('cancelled'), begin, soon(), (call) => call.cancel())).code;
  const many = await Promise.all([...Array(500).keys()].map((at) => unary(client, 'Echo', Buffer.from(String(at)))));
  out.many = many.find(({ value }, at) => !value || value.toString() !== String(at)) || many.length;

  const pinging = connect({ 'grpc.keepalive_time_ms': 500, 'grpc.keepalive_timeout_ms': 1000,
                            'grpc.keepalive_permit_without_calls': 1 });
  const silent = pinging.makeBidiStreamRequest('/test/Chat', bytes, bytes, soon());
  out.silence = await Promise.race([next(silent).catch((error) => String(error)),
                                    new Promise((resolve) => setTimeout(resolve, 3500, 'none'))]);
  const answer = next(silent);
  silent.write(Buffer.from('still here'));
  out.afterSilence = await answer;
  silent.end();
  await all(silent);
  pinging.close();
  client.close();
  console.log(JSON.stringify(out));
}

main().catch((error) => { console.error(error); process.exit(1); });
