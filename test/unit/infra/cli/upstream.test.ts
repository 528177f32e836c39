import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import type { Auth } from '../../../../infra/cli/endpoint/endpoint.ts';
import { createGatewaySigner } from '../../../../infra/cli/endpoint/signer.ts';
import { Upstream } from '../../../../infra/cli/endpoint/upstream.ts';
import { CREDENTIALS } from './cdc-world.ts';
import { fakeGateway } from './fake-gateway.ts';
import { givenSignature, signatureOf } from './sigv4.ts';

const OURS = '{"code":200}\n';
const LIST = { method: 'POST', headers: {}, body: Buffer.from('{"request_type":"list"}') };

function upstream(
  url: string,
  { auth = { kind: 'none' }, answerMs }: { auth?: Auth; answerMs?: number } = {},
) {
  const slept: number[] = [];
  const sign = createGatewaySigner({ region: 'eu-central-1', credentials: async () => CREDENTIALS });
  const endpoint = { url: new URL(url), auth };
  const options = { endpoint, sign, answerMs, sleep: async (ms: number) => void slept.push(ms) };
  return { slept, send: () => new Upstream(options).send(LIST) };
}

test('whoever receives a signed request finds the same signature', async () => {
  await using gateway = await fakeGateway({ body: OURS });
  await upstream(gateway.url, { auth: { kind: 'sigv4', region: 'eu-central-1' } }).send();
  const [seen] = gateway.seen;
  const headers = Object.fromEntries(Object.entries(seen?.headers ?? {}).map(([k, v]) => [k, String(v)]));
  const received = { method: 'POST', path: '/cdc', headers, body: seen?.body ?? '' };
  expect(givenSignature(received)).toBe(signatureOf(received, CREDENTIALS.secretAccessKey));
});

test('an endpoint without signatures gets none, one with a token gets that', async () => {
  await using gateway = await fakeGateway({ body: OURS });
  await upstream(gateway.url).send();
  await upstream(gateway.url, { auth: { kind: 'bearer', token: 'jwt' } }).send();
  expect(gateway.seen.map(({ headers }) => headers.authorization)).toEqual([undefined, 'Bearer jwt']);
});

test('an answer of the API comes through, whatever its status', async () => {
  const body = '{"code":400,"message":"x"}\n';
  await using gateway = await fakeGateway({ status: 400, body });
  expect(await upstream(gateway.url).send()).toMatchObject({ status: 400, body });
});

test.each([
  [401, 'Unauthorized', 401, 'the API asks for a valid token (Unauthorized)'],
  [
    403,
    'Forbidden',
    403,
    'AWS refuses the request (Forbidden): the caller needs execute-api:Invoke on this API',
  ],
  [404, 'Not Found', 404, /^there is no API at http:.* \(Not Found\): it ends in \/cdc$/],
  [413, 'Request Too Long', 413, 'the request is too large for the API (Request Too Long)'],
  [500, 'Internal Server Error', 500, 'the API gave no answer in time, or is away (Internal Server Error)'],
  [503, 'Service Unavailable', 503, 'the request may have been carried out, look before you repeat it'],
  [504, 'Endpoint request timed out', 504, 'the API gave no answer in time, or is away'],
  [418, 'tea', 418, /^what answers at http:.* is not the \/cdc API \(HTTP 418\)$/],
  [302, '', 502, 'is not the /cdc API (HTTP 302)'],
  [200, 'hello', 502, 'is not the /cdc API (HTTP 200)'],
])(
  'the gateway’s own %i (%s) is told as what to do, and not repeated',
  async (status, said, told, message) => {
    await using gateway = await fakeGateway({ status, body: JSON.stringify({ message: said }) });
    const sent = upstream(gateway.url).send();
    await expect(sent).rejects.toMatchObject({ name: 'UnavailableError', status: told });
    await expect(sent).rejects.toThrow(message);
    expect(gateway.seen).toHaveLength(1);
  },
);

test('a page instead of an answer is no answer', async () => {
  await using gateway = await fakeGateway({ body: '<html>sign in</html>' });
  await expect(upstream(gateway.url).send()).rejects.toThrow('is not the /cdc API');
});

test('a throttled request has reached nobody: it is sent again, after growing pauses, and not for ever', async () => {
  const throttled = { status: 429, body: '{"message":"Too Many Requests"}' };
  await using soon = await fakeGateway(throttled, { body: OURS });
  expect(await upstream(soon.url).send()).toMatchObject({ status: 200 });
  await using never = await fakeGateway(throttled);
  const { send, slept } = upstream(never.url);
  await expect(send()).rejects.toThrow('the API is asked too often (Too Many Requests): try again later');
  expect(never.seen).toHaveLength(3);
  expect(slept).toHaveLength(2);
  expect(slept[0]).toBeLessThan(750);
  expect(slept[1]).toBeGreaterThanOrEqual(500);
});

test('silence ends, and it is said that the request may have been carried out', async () => {
  await using gateway = await fakeGateway({ body: undefined });
  const sent = upstream(gateway.url, { answerMs: 50 }).send();
  await expect(sent).rejects.toThrow(
    /^127\.0\.0\.1:\d+ did not answer within 0.05 s: the request may have been/,
  );
  await expect(sent).rejects.toMatchObject({ status: 504 });
});

test('a connection that breaks is told', async () => {
  const server = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const sent = upstream(`http://127.0.0.1:${port}/cdc`).send();
  await expect(sent).rejects.toMatchObject({ status: 502 });
  await expect(sent).rejects.toThrow(`127.0.0.1:${port} cannot be reached: `);
  server.close();
});
