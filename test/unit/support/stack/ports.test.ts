import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { freePort, freePorts } from '../../../support/stack/ports.ts';

test('no port is given twice', async () => {
  const batches = await Promise.all([freePorts(50), freePorts(50)]);
  expect(new Set(batches.flat()).size).toBe(100);
});

test('a port is free to listen on, and below those of outgoing connections', async () => {
  const port = await freePort();
  expect(port).toBeLessThan(32_768);
  const server = createServer().listen(port, '127.0.0.1');
  await once(server, 'listening');
  server.close();
});
