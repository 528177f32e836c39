import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext, type SecureContextOptions, type SecureVersion } from 'node:tls';
import { CdcError } from '#shared/errors.ts';
import type { TlsConfig } from './config.ts';

/** What a {@link TlsConfig} names, read. Its values are PEM texts or paths; text that is PEM already is taken as it is.
 *  Synchronous: it runs once, at start. Fails with `config_invalid` when it is not what TLS needs. */
export function loadTls(config: TlsConfig): SecureContextOptions {
  const options: { ca?: Buffer; cert?: Buffer; key?: Buffer; minVersion?: SecureVersion } = {};
  if (config.ca !== undefined) options.ca = pem('ca', config.ca);
  if (config.cert !== undefined) options.cert = pem('cert', config.cert);
  if (config.key !== undefined) options.key = pem('key', config.key);
  if (config.minVersion !== undefined) options.minVersion = config.minVersion;
  try {
    createSecureContext(options);
    // OpenSSL passes over an authority that is no certificate, and then trusts nobody.
    if (options.ca !== undefined) new X509Certificate(options.ca);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new CdcError(
      'config_invalid',
      `the TLS certificates or key of the source cannot be used: ${reason}`,
    );
  }
  return options;
}

function pem(what: string, value: string): Buffer {
  if (value.includes('-----BEGIN ')) return Buffer.from(value);
  try {
    return readFileSync(value);
  } catch (cause) {
    // Neither the value nor the cause, which quotes it: it might be a damaged key.
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unreadable';
    throw new CdcError(
      'config_invalid',
      `the TLS ${what} of the source is neither PEM text nor a readable file (${code})`,
    );
  }
}
