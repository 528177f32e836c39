import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { memoryStores } from '../../../contract/api/stores.ts';
import { World } from '../../../contract/api/world.ts';

const FOLDER = join(import.meta.dirname, '..', '..', '..', '..', 'functions', 'cdc');
const DOCUMENT = readFileSync(join(FOLDER, 'API.md'), 'utf8');

/** Each shell block with a curl command, and the JSON block behind it. */
const EXAMPLES = [...DOCUMENT.matchAll(/```sh\n.*? -d '(.*?)'\n```\n\n```json\n(.*?)```/gs)].map(
  ([, request = '', answer = '']) => ({ request, answer }),
);

test('the worked examples, one after the other, are answered as the document says', async () => {
  await using world = await World.open(memoryStores);
  const types: unknown[] = [];
  for (const { request, answer } of EXAMPLES) {
    types.push((JSON.parse(request) as { request_type: unknown }).request_type);
    expect(await world.post(request)).toEqual(JSON.parse(answer));
  }
  expect(types.toSorted()).toEqual([
    'create',
    'delete',
    'get',
    'list',
    'maintenance',
    'pause',
    'position',
    'resume',
  ]);
});

test('every compatibility statement has a test that names its number', () => {
  const tests = join(import.meta.dirname, '..', '..', '..');
  const files = ['contract/api', 'e2e'].flatMap((folder) =>
    readdirSync(join(tests, folder)).map((name) => readFileSync(join(tests, folder, name), 'utf8')),
  );
  const named = files.flatMap((text) => [...text.matchAll(/['`]((?:\d+, )*\d+): /g)]);
  const numbers = new Set(named.flatMap(([, list = '']) => list.split(', ').map(Number)));
  const missing = Array.from({ length: 85 }, (_, i) => i + 1).filter((number) => !numbers.has(number));
  expect(missing).toEqual([]);
});

test('every error text of the code is in the document', () => {
  const texts = readdirSync(FOLDER)
    .filter((name) => name.endsWith('.ts'))
    .flatMap((name) => {
      const code = readFileSync(join(FOLDER, name), 'utf8');
      return [...code.matchAll(/(?:client|server)Error\(\s*(?:'([^']*)|"([^"]*)|`((?:[^`$\\]|\\.)*))/g)];
    })
    .map(([, single, double, template]) => (single ?? double ?? template ?? '').trimEnd())
    .filter((text) => text !== '');
  expect(texts.length).toBeGreaterThan(30);
  const missing = texts.filter((text) => !DOCUMENT.includes(text));
  expect(missing).toEqual([]);
});

test('every sentence of the checks is in the document', () => {
  const probes = join(FOLDER, '..', 'probe');
  const files = ['deployed-source', 'lambda-probe', 'milvus-target-probe', 'reach'];
  const texts = files.flatMap((name) => {
    const code = readFileSync(join(probes, `${name}.ts`), 'utf8');
    return [
      ...code.matchAll(/(?:return |ProbeError\(\s*|CheckError\(|#error\(\s*|asked\()[`']([^`']+)[`']/g),
    ];
  });
  // What stands between the values that a sentence is made with.
  const parts = texts.flatMap(([, text = '']) => text.split(/\$\{[^}]*\}/)).map((part) => part.trim());
  const said = parts.filter((part) => part.length > 8);
  expect(said.length).toBeGreaterThan(15);
  expect(said.filter((part) => !DOCUMENT.includes(part))).toEqual([]);
});
