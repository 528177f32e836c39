import { once } from 'node:events';
import { request } from 'node:http';
import { expect, test } from 'vitest';
import { CdcClient } from '../../../support/cdc-client.ts';
import { Caller, CREDENTIALS, serveWorld } from './cdc-world.ts';
import { fakeGateway } from './fake-gateway.ts';
import { givenSignature, signatureOf } from './sigv4.ts';

/** The command as it runs until somebody ends it. */
async function proxy(url: string, ...args: string[]) {
  const caller = new Caller();
  const ended = caller.call('proxy', '--url', url, '--listen', '127.0.0.1:0', ...args);
  while (!caller.out.includes('\n')) await new Promise((resolve) => setTimeout(resolve, 5));
  const [address = ''] = caller.out.split(' ');
  return {
    caller,
    url: address,
    async [Symbol.asyncDispose]() {
      caller.stop.abort();
      expect((await ended).code).toBe(0);
      caller[Symbol.dispose]();
    },
  };
}

test('a client of milvus-cdc works through it unchanged', async () => {
  await using server = await serveWorld();
  await using through = await proxy(server.url);
  const client = new CdcClient(through.url);
  const target = { uri: 'http://t:19530' };
  const request = { task_id: 'a', milvus_connect_param: target, collection_infos: [{ name: '*' }] };
  expect(await client.create(request)).toBe('a');
  expect(await client.list()).toMatchObject([{ task_id: 'a', state: 'Running' }]);
  await client.pause('a');
  await expect(client.pause('a')).rejects.toThrow('the task has paused, task_id: a');
});

test('requests are signed; body, status and headers come through both ways', async () => {
  const answer = '{"code":400,"message":"é"}\n';
  const headers = { 'content-type': 'application/json', 'apigw-requestid': 'id', 'x-other': 'y' };
  await using gateway = await fakeGateway({ status: 400, headers, body: answer });
  await using through = await proxy(gateway.url, '--sign', '--region', 'eu-central-1');
  const body = '{"request_type":"タスク"}';
  const response = await fetch(through.url, {
    method: 'POST',
    body,
    headers: { 'x-cdc-status': 'real', 'content-type': 'text/plain', cookie: 'a=b' },
  });
  expect([response.status, await response.text()]).toEqual([400, answer]);
  expect(response.headers.get('apigw-requestid')).toBe('id');
  expect(response.headers.get('x-other')).toBeNull();
  const [seen] = gateway.seen;
  expect(seen).toMatchObject({ method: 'POST', path: '/cdc', body });
  expect(seen?.headers).toMatchObject({ 'x-cdc-status': 'real', 'content-type': 'text/plain' });
  expect(seen?.headers.cookie).toBeUndefined();
  const received = Object.fromEntries(Object.entries(seen?.headers ?? {}).map(([k, v]) => [k, String(v)]));
  const signed = { method: 'POST', path: '/cdc', headers: received, body };
  expect(givenSignature(signed)).toBe(signatureOf(signed, CREDENTIALS.secretAccessKey));
});

test('other methods reach the API too', async () => {
  await using server = await serveWorld();
  await using through = await proxy(server.url);
  const refused = { code: 405, message: 'only support the POST method' };
  for (const method of ['GET', 'PUT', 'DELETE']) {
    expect(await (await fetch(through.url, { method })).json()).toEqual(refused);
  }
});

test('where the gateway answers itself, the client gets the envelope that it understands', async () => {
  await using gateway = await fakeGateway({ status: 403, body: '{"message":"Forbidden"}' });
  await using through = await proxy(gateway.url);
  const plain = await fetch(through.url, { method: 'POST', body: '{}' });
  expect(plain.status).toBe(200);
  expect(await plain.json()).toEqual({
    code: 403,
    message: expect.stringContaining('AWS refuses the request'),
  });
  const real = await fetch(through.url, { method: 'POST', body: '{}', headers: { 'x-cdc-status': 'real' } });
  expect(real.status).toBe(403);
  expect(through.caller.err).toContain('AWS refuses the request (Forbidden)');
});

test('a body that the API would refuse is not sent', async () => {
  await using gateway = await fakeGateway({ body: '{"code":200}' });
  await using through = await proxy(gateway.url);
  const response = await fetch(through.url, { method: 'POST', body: 'x'.repeat(256 * 1024 + 1) });
  expect(await response.json()).toEqual({
    code: 500,
    message: 'fail to read the request body, error: it has more than 262144 bytes',
  });
  expect(gateway.seen).toEqual([]);
});

test('no web page gets anywhere, of whatever origin', async () => {
  await using gateway = await fakeGateway({ body: '{"code":200}' });
  await using through = await proxy(gateway.url);
  const post = async (headers: Record<string, string>) => {
    const call = request(through.url, { method: 'POST', headers });
    call.end('{}');
    const [response] = await once(call, 'response');
    response.resume();
    return response.statusCode;
  };
  expect(await post({ origin: new URL(through.url).origin })).toBe(403);
  expect(await post({ 'sec-fetch-site': 'none' })).toBe(403);
  expect(gateway.seen).toEqual([]);
  expect(await post({})).toBe(200);
});

test('only /cdc is forwarded', async () => {
  await using gateway = await fakeGateway({ body: '{"code":200}' });
  await using through = await proxy(gateway.url);
  expect((await fetch(new URL('/other', through.url), { method: 'POST', body: '{}' })).status).toBe(404);
  expect(gateway.seen).toEqual([]);
});

test('an address that is taken is told', async () => {
  await using server = await serveWorld();
  using caller = new Caller();
  const taken = new URL(server.url).host;
  expect(await caller.call('proxy', '--url', server.url, '--listen', taken)).toEqual({
    code: 78,
    out: '',
    err: `${taken} is in use by another program; give --listen\n`,
  });
});
