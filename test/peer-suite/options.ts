import { resolve } from 'node:path';
import { parseArgs } from 'node:util';

export const USAGE = `usage: node test/peer-suite/main.ts --checkout DIR --source HOST:PORT --target HOST:PORT [options]

  --checkout DIR      a checkout of milvus-cdc; its tests/ folder is copied, never changed
  --source HOST:PORT  the source Milvus
  --target HOST:PORT  the target Milvus; it should be fresh, one test expects it to hold no collection
  --url URL           the server under test; default http://localhost:8444
  --python FILE       a Python that has what tests/requirements.txt lists; default python3
  --out DIR           where the copy, the logs and the results go; default .cache/peer-suite
  --only NAME         one of the parts: database, tasks, requests
`;

export interface Options {
  readonly checkout: string;
  readonly source: Address;
  readonly target: Address;
  readonly url: string;
  readonly python: string;
  readonly out: string;
  readonly only: string | undefined;
}

export interface Address {
  readonly host: string;
  readonly port: string;
}

/** Undefined when something is missing; the usage says what there is. */
export function readOptions(args: readonly string[]): Options | undefined {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    args: [...args],
    options: { checkout: text, source: text, target: text, url: text, python: text, out: text, only: text },
  });
  const source = addressOf(values.source);
  const target = addressOf(values.target);
  if (values.checkout === undefined || source === undefined || target === undefined) return undefined;
  return {
    checkout: resolve(values.checkout),
    source,
    target,
    url: values.url ?? 'http://localhost:8444',
    python: values.python ?? 'python3',
    out: resolve(values.out ?? '.cache/peer-suite'),
    only: values.only,
  };
}

function addressOf(text: string | undefined): Address | undefined {
  const [host, port] = (text ?? '').split(':');
  return host === undefined || host === '' || port === undefined ? undefined : { host, port };
}
