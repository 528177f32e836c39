import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const GENERATED = 'replicator/wire/gen';

test('the committed code is what the proto files generate', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'wire-gen-'));
  try {
    await generateInto(folder);
    expect(await filesOf(join(folder, GENERATED))).toEqual(await filesOf(GENERATED));
  } finally {
    await rm(folder, { recursive: true });
  }
});

async function generateInto(folder: string): Promise<void> {
  const bin = resolve('node_modules/.bin');
  await promisify(execFile)(
    join(bin, 'buf'),
    ['generate', '--template', 'replicator/wire/buf.gen.yaml', '--output', folder],
    { env: { ...process.env, PATH: `${bin}:${process.env['PATH']}` }, timeout: 25_000 },
  );
}

async function filesOf(folder: string): Promise<Record<string, string>> {
  const names = (await readdir(folder)).sort();
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await readFile(join(folder, name), 'utf8')])),
  );
}
