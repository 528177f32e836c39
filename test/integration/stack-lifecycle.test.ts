import { DataType, MilvusClient } from '@zilliz/milvus2-sdk-node';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Stack, startStack } from '../support/stack/stack.ts';
import { waitUntil } from '../support/stack/wait-until.ts';

let stack: Stack;

beforeAll(async () => {
  stack = await startStack({ source: false });
});

afterAll(async () => {
  await stack.stop();
});

test.each(['SIGKILL', 'SIGTERM'] as const)(
  'a Milvus that ended on %s comes back with its data and its address',
  async (signal) => {
    const name = `kept_${signal}`;
    await using before = connect(stack.target.address);
    const fields = [
      { name: 'id', data_type: DataType.Int64, is_primary_key: true },
      { name: 'vector', data_type: DataType.FloatVector, dim: 4 },
    ];
    await before.client.createCollection({ collection_name: name, fields });
    const pid = stack.target.pid;

    await stack.target.restart(signal);

    expect(stack.target.pid).not.toBe(pid);
    await using after = connect(stack.target.address);
    expect((await after.client.hasCollection({ collection_name: name })).value).toBe(true);
  },
);

test('a frozen Milvus does not answer until it is resumed', async () => {
  await using frozen = connect(stack.target.address);
  await frozen.client.getVersion();
  stack.target.suspend();
  await expect(frozen.client.listCollections({ timeout: 1_000 })).rejects.toThrow('DEADLINE_EXCEEDED');
  stack.target.resume();
  const answers = async () => (await frozen.client.listCollections({ timeout: 2_000 })).status.code === 0;
  await waitUntil(answers, { what: 'it answers again', timeoutMs: 20_000 });
});

/** The SDK's own retries would hang on a server that is away. */
function connect(address: string): AsyncDisposable & { readonly client: MilvusClient } {
  const quiet = { maxRetries: 0, telemetry: { enabled: false }, logLevel: 'error' };
  const client = new MilvusClient({ address, timeout: 20_000, ...quiet });
  return {
    client,
    [Symbol.asyncDispose]: async () => {
      await client.closeConnection();
    },
  };
}
