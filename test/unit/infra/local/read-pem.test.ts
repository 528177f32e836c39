import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readPemFile } from '../../../../infra/local/read-pem.ts';

test('a PEM file is read; of anything else nothing is told', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'cdc-pem-'));
  try {
    const pem = join(folder, 'a.pem');
    await writeFile(pem, '-----BEGIN CERTIFICATE-----\n');
    expect(await readPemFile(pem)).toBe('-----BEGIN CERTIFICATE-----\n');
    const large = join(folder, 'large.pem');
    await writeFile(large, `-----BEGIN ${'x'.repeat(300_000)}`);
    for (const path of ['/etc/passwd', '/dev/zero', folder, join(folder, 'none'), large]) {
      await expect(readPemFile(path)).rejects.toThrow('there is no readable PEM file at that path');
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});
