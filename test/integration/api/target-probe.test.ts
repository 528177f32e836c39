import { expect, inject, onTestFinished, test } from 'vitest';
import { MilvusTargetProbe } from '../../../functions/probe/milvus-target-probe.ts';
import { startMilvus } from '../../support/stack/milvus.ts';
import { RunFolder } from '../../support/stack/run-folder.ts';

/** The version, or the sentence. */
async function check(address: string, token?: string): Promise<string> {
  const target = { uri: `http://${address}`, connectTimeoutMs: 5_000, ignorePartition: false };
  try {
    return (await new MilvusTargetProbe().check(target, token === undefined ? undefined : { token }, 5_000))
      .version;
  } catch (error) {
    return (error as Error).message;
  }
}

test('a Milvus without login takes any and none', async () => {
  const { milvusAddress } = inject('stack').target;
  expect(await check(milvusAddress)).toMatch(/^v?2\.3\.5/);
  expect(await check(milvusAddress, 'root:Milvus')).toMatch(/^v?2\.3\.5/);
});

test('a Milvus with login takes the right one, and the others are told apart', async () => {
  const run = new RunFolder();
  onTestFinished(() => run.remove());
  const settings = { common: { security: { authorizationEnabled: true } } };
  const milvus = await startMilvus({ run, name: 'with-login', settings });
  onTestFinished(() => milvus.stop());
  const { address } = milvus;
  expect(await check(address, 'root:Milvus')).toMatch(/^v?2\.3\.5/);
  expect(await check(address, 'root:s3cret-pw')).toBe(`${address} is a Milvus, but it refuses this login`);
  expect(await check(address, 's3cret-key')).toBe(`${address} is a Milvus, but it refuses this login`);
  expect(await check(address)).toBe(`${address} is a Milvus, but it asks for a login`);
});
