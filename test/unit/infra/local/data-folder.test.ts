import { chmod, mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { prepareDataFolder } from '../../../../infra/local/data-folder.ts';

async function temporaryFolder() {
  const path = await mkdtemp(join(tmpdir(), 'cdc-data-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}

const modeOf = async (path: string) => (await stat(path)).mode & 0o777;

test('a folder that is not there, or is empty, becomes its owner’s only', async () => {
  await using folder = await temporaryFolder();
  const made = join(folder.path, 'a', 'b');
  const empty = join(folder.path, 'empty');
  await mkdir(empty);
  await chmod(empty, 0o755);
  for (const path of [made, empty]) {
    expect(prepareDataFolder(path)).toMatchObject({
      openToOthers: false,
      database: join(path, 'tasks.sqlite'),
    });
    expect(await modeOf(path)).toBe(0o700);
  }
});

test('a folder that holds something keeps its mode, and that is told', async () => {
  await using folder = await temporaryFolder();
  await chmod(folder.path, 0o755);
  await writeFile(join(folder.path, 'x'), '');
  expect(prepareDataFolder(folder.path).openToOthers).toBe(true);
  expect(await modeOf(folder.path)).toBe(0o755);
});
