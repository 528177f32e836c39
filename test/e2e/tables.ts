import { DataType } from '@zilliz/milvus2-sdk-node';
import {
  BUCKET,
  binaryFlat,
  binaryVector,
  flat,
  floatVector,
  INT64_KEY,
  VARCHAR_KEY,
} from '../support/workload/actors/fields.ts';
import { newCounts } from '../support/workload/counts.ts';
import { Random } from '../support/workload/random.ts';
import { Table, type TableSpec } from '../support/workload/table.ts';
import type { Replicated } from './harness.ts';

export interface TableChoice {
  /** What comes after the prefix. */
  readonly name: string;
  /** What comes after the prefix, for another database than the default one, which has to exist. */
  readonly database?: string | undefined;
  /** Two forms with nothing in common. @default numbers */
  readonly form?: 'numbers' | 'texts' | undefined;
}

/** A collection of the source for a test to write to; `create` it first. */
export function tableOf({ prefix, source }: Replicated, choice: TableChoice): Table {
  const { name, database, form = 'numbers' } = choice;
  const at = {
    database: database === undefined ? 'default' : `${prefix}_${database}`,
    name: `${prefix}_${name}`,
  };
  const context = { client: source.sdk, random: new Random(1).fork(name), counts: newCounts() };
  return new Table({ ...at, ...FORMS[form] }, context);
}

const FORMS: Readonly<Record<'numbers' | 'texts', Omit<TableSpec, 'database' | 'name'>>> = {
  numbers: {
    fields: [INT64_KEY, BUCKET, floatVector('vector', 8)],
    vectorIndex: flat('vector'),
    shards: 2,
  },
  texts: {
    fields: [
      VARCHAR_KEY,
      BUCKET,
      { name: 'note', data_type: DataType.VarChar, max_length: 100 },
      binaryVector('bits', 32),
    ],
    vectorIndex: binaryFlat('bits'),
    dynamic: true,
  },
};
