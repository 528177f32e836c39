import { expect, test } from 'vitest';
import type { ServerHandle } from '../support/stack/server-process.ts';
import { type Stack, startStack } from '../support/stack/stack.ts';
import { createTask, expectEqual, startProduct, waitForPhase } from './harness.ts';
import { tableOf } from './tables.ts';

type ServerOf = (stack: Stack) => ServerHandle;

// The etcd of the source is inside its Milvus. That one is not frozen: a Milvus that stands still for longer than its
// session lives does not recover, and a frozen etcd is noticed no sooner.
const SERVERS: readonly (readonly [string, ServerOf, { readonly mayHang: boolean }])[] = [
  ['the target', (stack) => stack.target, { mayHang: true }],
  ['the source and its etcd', (stack) => stack.source.milvus, { mayHang: false }],
  ['the source’s Kafka', (stack) => stack.source.kafka, { mayHang: true }],
];

test.each(SERVERS)('an outage of %s is told, and the task goes on by itself', async (_, serverOf, kind) => {
  await using stack = await startStack();
  await using product = await startProduct({ stack: stack.addresses, name: 'outage' });
  const server = serverOf(stack);
  const table = tableOf(product, { name: 'rows' });
  await table.create();
  await table.insertNew(100);
  const id = await createTask(product);
  await waitForPhase(product, { id, phase: 'streaming' });
  await expectEqual(product);

  /** Connections stay open and nothing answers. */
  const hang = async () => {
    server.suspend();
    const rowsMeanwhile = server === stack.target ? table.insertNew(100) : Promise.resolve(0);
    const hanging = await waitForPhase(product, { id, phase: 'retrying', timeoutMs: 120_000 });
    expect(hanging.state).toBe('Running');
    expect(hanging.status?.reason?.message ?? '').not.toBe('');
    await rowsMeanwhile;
    server.resume();
    await waitForPhase(product, { id, phase: 'streaming', timeoutMs: 120_000 });
    await table.insertNew(100);
    await expectEqual(product);
  };
  if (kind.mayHang) await hang();

  // It is gone: connections are refused, and it comes back with the same data.
  await server.kill('SIGKILL');
  const refused = await waitForPhase(product, { id, phase: 'retrying', timeoutMs: 120_000 });
  expect(refused.status?.reason?.message ?? '').not.toBe('');
  await server.start();
  await waitForPhase(product, { id, phase: 'streaming', timeoutMs: 180_000 });
  await expectEqual(product, 300_000);
});
