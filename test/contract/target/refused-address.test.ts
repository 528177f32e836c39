import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { createLogger } from '#shared/log.ts';
import { refusedAddress } from '#shared/target-rules.ts';
import { parseEndpoint } from '../../../replicator/target/milvus/endpoint.ts';
import { MilvusTarget } from '../../../replicator/target/milvus/milvus-target.ts';
import { startFakeMilvus } from '../probe/fake-milvus.ts';

function open(uri: string, refused: (address: string) => string | undefined): MilvusTarget {
  const target = new MilvusTarget({
    endpoint: parseEndpoint(uri, 'root:s3cret'),
    logger: createLogger('silent'),
    connectTimeoutMs: 1_000,
    callTimeoutMs: 1_000,
    refused,
  });
  onTestFinished(() => target.close());
  return target;
}

test.each(['127.0.0.1', 'localhost', '[::ffff:127.0.0.1]'])(
  'nothing is sent to %s where it is refused, whatever listens there, and the reason is told',
  async (host) => {
    let bytes = 0;
    const server = createServer((socket) => {
      socket
        .on('error', () => undefined)
        .on('data', (data) => {
          bytes += data.length;
        });
    });
    server.listen(0);
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const target = open(`http://${host}:${port}`, refusedAddress);
    await expect(target.version()).rejects.toThrow(/is a loopback address: a target has to be reached/);
    expect(bytes).toBe(0);
    server.close();
  },
);

test('an address that is not refused is spoken to', async () => {
  await using milvus = await startFakeMilvus();
  const seen: string[] = [];
  const target = open(`http://localhost:${milvus.port}`, (address) => void seen.push(address));
  expect(await target.version()).toBe('v2.9.9');
  expect(seen).not.toEqual([]);
});
