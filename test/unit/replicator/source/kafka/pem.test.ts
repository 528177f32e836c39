import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { afterAll, expect, test } from 'vitest';
import { CdcError } from '#shared/errors.ts';
import { loadTls } from '../../../../../replicator/source/kafka/pem.ts';

const folder = mkdtempSync(join(tmpdir(), 'pem-'));
afterAll(() => rmSync(folder, { recursive: true }));
const [certificate = ''] = rootCertificates;

test('takes text as it is and reads what is a path', () => {
  const file = join(folder, 'ca.pem');
  writeFileSync(file, certificate);
  for (const ca of [certificate, file]) expect(String(loadTls({ ca }).ca)).toBe(certificate);
});

test('nothing means the authorities of the system', () => {
  expect(loadTls({})).toEqual({});
});

test('a version is passed on', () => {
  expect(loadTls({ minVersion: 'TLSv1.3' })).toEqual({ minVersion: 'TLSv1.3' });
});

test.each([
  ['a file that is not there', { ca: '/no/such/file-4711' }, /TLS ca .* \(ENOENT\)/],
  [
    'text that is no certificate',
    { ca: '-----BEGIN CERTIFICATE-----\nnot-base-64-4711\n' },
    /cannot be used/,
  ],
  [
    'a key that is none',
    { cert: certificate, key: '-----BEGIN PRIVATE KEY-----\nbm8tNDcxMQ==\n-----END PRIVATE KEY-----\n' },
    /cannot be used/,
  ],
])('refuses %s as a fault of the configuration, without quoting it', (_, config, message) => {
  const failure = (() => {
    try {
      return loadTls(config);
    } catch (error) {
      return error;
    }
  })();
  expect(failure).toBeInstanceOf(CdcError);
  expect(failure).toMatchObject({ code: 'config_invalid', message: expect.stringMatching(message) });
  expect(String(failure)).not.toContain('4711');
});
