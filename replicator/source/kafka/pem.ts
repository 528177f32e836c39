import { readFileSync } from 'node:fs';
import type { SecureContextOptions, SecureVersion } from 'node:tls';
import { SourceUnavailableError } from '../change-source.ts';
import type { TlsConfig } from './config.ts';

/** What a {@link TlsConfig} names, read. Its values are PEM texts or paths; text that is PEM already is taken as it is.
 *  Synchronous: it runs once, at start. */
export function loadTls(config: TlsConfig): SecureContextOptions {
  const options: { ca?: Buffer; cert?: Buffer; key?: Buffer; minVersion?: SecureVersion } = {};
  if (config.ca !== undefined) options.ca = pem('ca', config.ca);
  if (config.cert !== undefined) options.cert = pem('cert', config.cert);
  if (config.key !== undefined) options.key = pem('key', config.key);
  if (config.minVersion !== undefined) options.minVersion = config.minVersion;
  return options;
}

function pem(what: string, value: string): Buffer {
  if (value.includes('-----BEGIN ')) return Buffer.from(value);
  try {
    return readFileSync(value);
  } catch (cause) {
    // Neither the value nor the cause, which quotes it: it might be a damaged key.
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unreadable';
    throw new SourceUnavailableError(`the TLS ${what} is neither PEM text nor a readable file (${code})`);
  }
}
