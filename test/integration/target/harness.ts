import { pino } from 'pino';
import { parseEndpoint } from '../../../replicator/target/milvus/endpoint.ts';
import { MilvusTarget } from '../../../replicator/target/milvus/milvus-target.ts';
import type { TargetHarness } from '../../contract/kits/target.ts';
import { TestMilvus } from './test-milvus.ts';

/** The real adapter on a real server, and a reader of its own. */
export async function milvusHarness(
  address: string,
): Promise<TargetHarness & { readonly reader: TestMilvus }> {
  const target = new MilvusTarget({
    endpoint: parseEndpoint(`http://${address}`),
    logger: pino({ level: 'silent' }),
  });
  const reader = new TestMilvus(address);
  return {
    target,
    reader,
    rows: (name, fields, partition) => reader.rows(name, fields, partition),
    async close() {
      reader.close();
      await target.close();
    },
  };
}
