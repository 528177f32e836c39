import { once } from 'node:events';
import { request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { createHandler } from '../../../../functions/cdc/handler.ts';
import type { HttpEvent } from '../../../../functions/cdc/http-event.ts';
import { createHttpServer, type ServerOptions } from '../../../../infra/local/server.ts';
import { memoryStores } from '../../../contract/api/stores.ts';
import { World } from '../../../contract/api/world.ts';

async function serve(options: Partial<ServerOptions> = {}) {
  const world = await World.open(memoryStores);
  const handler = createHandler(world.deps);
  const server = createHttpServer({
    handler: (event: HttpEvent) => handler(event, {} as never),
    checkHealth: async () => undefined,
    log: pino({ level: 'silent' }),
    ...options,
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

const LIST = '{"request_type":"list"}';
const EMPTY = '{"code":200,"data":{"tasks":[]}}\n';

test('a request is answered by the Lambda handler, whatever its content type', async () => {
  await using server = await serve();
  for (const type of ['application/json', 'text/plain', '']) {
    const response = await fetch(`${server.url}/cdc?x=1`, {
      method: 'POST',
      body: LIST,
      headers: { 'content-type': type },
    });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(await response.text()).toBe(EMPTY);
  }
});

test('every method reaches the handler, and real statuses can be asked for', async () => {
  await using server = await serve();
  const refused = { code: 405, message: 'only support the POST method' };
  expect(await (await fetch(`${server.url}/cdc`)).json()).toEqual(refused);
  const real = await fetch(`${server.url}/cdc`, { method: 'PUT', headers: { 'x-cdc-status': 'real' } });
  expect([real.status, await real.json()]).toEqual([405, refused]);
});

test('text beyond ASCII arrives whole', async () => {
  await using server = await serve();
  const body = JSON.stringify({ request_type: 'get', request_data: { task_id: 'タスク😀' } });
  const response = await fetch(`${server.url}/cdc`, { method: 'POST', body });
  expect(await response.json()).toEqual({
    code: 400,
    message: 'fail to handle the get request, error: not found: [タスク😀]',
  });
});

test('a body that is too large is refused in the envelope', async () => {
  await using server = await serve({ maxBodyBytes: 1000 });
  const response = await fetch(`${server.url}/cdc`, { method: 'POST', body: 'x'.repeat(1001) });
  expect(await response.json()).toEqual({
    code: 500,
    message: 'fail to read the request body, error: it has more than 1000 bytes',
  });
});

test('a web page of another origin is refused, one of this host and a program are not', async () => {
  await using server = await serve();
  const post = (origin: string) =>
    new Promise<number | undefined>((resolve, reject) => {
      const call = request(`${server.url}/cdc`, { method: 'POST', headers: { origin } }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      call.on('error', reject);
      call.end(LIST);
    });
  expect(await post('https://evil.example')).toBe(403);
  expect(await post('null')).toBe(403);
  expect(await post(server.url)).toBe(200);
});

test('health says whether the store answers', async () => {
  await using server = await serve();
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
  await using sick = await serve({ checkHealth: () => Promise.reject(new Error('away')) });
  expect((await fetch(`${sick.url}/healthz`)).status).toBe(503);
});

test('other paths are not found', async () => {
  await using server = await serve();
  expect((await fetch(`${server.url}/`)).status).toBe(404);
  expect((await fetch(`${server.url}/cdc/x`, { method: 'POST', body: LIST })).status).toBe(404);
});

test('a handler that fails is answered for', async () => {
  await using server = await serve({ handler: () => Promise.reject(new Error('fault')) });
  const response = await fetch(`${server.url}/cdc`, { method: 'POST', body: LIST });
  expect(await response.json()).toMatchObject({ code: 500 });
});
