import type { MilvusClient } from '@zilliz/milvus2-sdk-node';
import { connectMilvus } from '../milvus/connect.ts';
import { RawMilvus } from '../milvus/raw-milvus.ts';

/** One of the two servers that are compared. */
export interface Side {
  readonly sdk: MilvusClient;
  readonly raw: RawMilvus;
}

/** A collection by name. */
export interface Place {
  readonly database: string;
  readonly name: string;
}

export function placeText({ database, name }: Place): string {
  return `${database}.${name}`;
}

/** @param address `host:port`, without TLS or login */
export async function openSide(address: string): Promise<Side & AsyncDisposable> {
  const sdk = await connectMilvus(address);
  const raw = new RawMilvus(address);
  return {
    sdk,
    raw,
    [Symbol.asyncDispose]: async () => {
      raw.close();
      await sdk.closeConnection();
    },
  };
}
