import { parseArgs } from 'node:util';
import type { DatasetShape } from './dataset.ts';

export interface BenchOptions {
  readonly api?: string | undefined;
  readonly pid?: number | undefined;
  readonly stackFile?: string | undefined;
  readonly standbyTarget: boolean;
  readonly backlogs: number;
  readonly datasets: readonly DatasetShape[];
  readonly lagSamples: number;
  readonly jsonFile?: string | undefined;
}

export const USAGE = `npm run bench -- [options]

Measures catch-up, CPU, memory and lag of a CDC server between real Milvus servers, and beside them the target's own limit.

  --backlogs N         backlogs in a row for each dataset (default 3)
  --dataset ROWSxDIM   may be repeated (default 100000x768 and 50000x128)
  --lag-samples N      single rows to time (default 50)
  --json FILE          write the result as JSON, too
  --stack FILE         use the servers of this file (test/support/stack/main.ts writes one) instead of starting some
  --api URL            measure the server at this /cdc instead of starting ours; needs --stack and --pid
  --pid N              root of its process tree, for CPU and memory
  --standby-target     start the target as milvus-cdc needs it (common.ttMsgEnabled=false); limit and direct lag are then
                       measured on another, ordinary target
`;

/** Fails with a sentence about the first thing that is wrong. */
export function parseOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      api: { type: 'string' },
      pid: { type: 'string' },
      stack: { type: 'string' },
      'standby-target': { type: 'boolean', default: false },
      backlogs: { type: 'string', default: '3' },
      dataset: { type: 'string', multiple: true, default: ['100000x768', '50000x128'] },
      'lag-samples': { type: 'string', default: '50' },
      json: { type: 'string' },
    },
  });
  if ((values.api === undefined) !== (values.pid === undefined)) {
    throw new Error(
      '--api and --pid go together: the bench measures the processes of the server it speaks to',
    );
  }
  if (values.api !== undefined && values.stack === undefined) {
    throw new Error('--api needs --stack: the bench must know between which servers that server replicates');
  }
  return {
    api: values.api,
    pid: values.pid === undefined ? undefined : count('--pid', values.pid),
    stackFile: values.stack,
    standbyTarget: values['standby-target'],
    backlogs: count('--backlogs', values.backlogs),
    datasets: values.dataset.map(parseDataset),
    lagSamples: count('--lag-samples', values['lag-samples']),
    jsonFile: values.json,
  };
}

function parseDataset(text: string): DatasetShape {
  const [, rows, dim] = /^(\d+)x(\d+)$/.exec(text) ?? [];
  if (rows === undefined || dim === undefined)
    throw new Error(`--dataset ${text}: expected ROWSxDIM, as 50000x128`);
  return { rows: Number(rows), dim: Number(dim) };
}

function count(name: string, text: string): number {
  if (!/^\d+$/.test(text)) throw new Error(`${name} ${text}: expected a number`);
  return Number(text);
}
