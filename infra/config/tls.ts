import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Problems } from './problems.ts';
import { secretArn } from './secret-arn.ts';
import { flag, text, type Values } from './setting.ts';

/** TLS to one of the source's servers, alike for both. */
export function tlsSettings(server: string, otherwise: string) {
  return {
    tls: {
      schema: flag.optional(),
      type: 'true, false',
      meaning: `TLS to ${server}`,
      otherwise,
      example: 'true',
    },
    caFile: {
      schema: text.optional(),
      type: 'path',
      meaning: `PEM file with the authorities that signed the certificate of ${server}; it is read at synth`,
      otherwise: "Node's own list",
      example: 'certs/ca.pem',
    },
    certFile: {
      schema: text.optional(),
      type: 'path',
      meaning: `PEM file with the client certificate for ${server}; it is read at synth`,
      example: 'certs/client.pem',
    },
    keySecret: {
      schema: secretArn.optional(),
      type: 'ARN',
      meaning: 'Secret that holds the key of `certFile` as PEM text',
      example: 'arn:aws:secretsmanager:eu-west-1:111122223333:secret:client-key-AbCdEf',
    },
    serverName: {
      schema: text.optional(),
      type: 'text',
      meaning: `Name in the certificate of ${server}, where it is not the address`,
      example: 'source.example.com',
    },
  } as const;
}

export interface TlsJson {
  readonly ca?: string;
  readonly cert?: string;
  readonly serverName?: string;
}

export interface TlsContext {
  readonly problems: Problems;
  /** What relative paths are relative to. */
  readonly cwd: string;
}

type TlsValues = Values<ReturnType<typeof tlsSettings>>;

/** Tells the context's problems what does not go together; undefined: no TLS. */
export function tlsOf(
  block: string,
  given: TlsValues & { readonly on: boolean },
  context: TlsContext,
): TlsJson | undefined {
  const { problems } = context;
  if ((given.certFile === undefined) !== (given.keySecret === undefined)) {
    const missing = given.certFile === undefined ? 'certFile' : 'keySecret';
    problems.refuse(`${block}.${missing}`, 'is missing: certFile and keySecret belong together');
  }
  if (!given.on) {
    for (const name of ['caFile', 'certFile', 'keySecret', 'serverName'] as const) {
      if (given[name] !== undefined) problems.refuse(`${block}.${name}`, `needs ${block}.tls`);
    }
    return undefined;
  }
  const ca = pemOf(`${block}.caFile`, given.caFile, context);
  const cert = pemOf(`${block}.certFile`, given.certFile, context);
  return {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(given.serverName !== undefined && { serverName: given.serverName }),
  };
}

/** A task definition holds 64 KiB in all. */
const MAX_PEM = 16_384;

function pemOf(path: string, file: string | undefined, { problems, cwd }: TlsContext): string | undefined {
  if (file === undefined) return undefined;
  let pem = '';
  try {
    pem = readFileSync(resolve(cwd, file), 'utf8');
  } catch {
    problems.refuse(path, `cannot be read: ${file}`);
    return undefined;
  }
  if (pem.includes('PRIVATE KEY')) {
    problems.refuse(path, 'holds a private key, which belongs into a secret: name that with keySecret');
  } else if (!pem.includes('-----BEGIN CERTIFICATE-----')) {
    problems.refuse(path, 'holds no certificate in PEM form');
  } else if (pem.length > MAX_PEM) {
    problems.refuse(path, 'is larger than 16 KB: keep only the authorities that signed this certificate');
  }
  return pem;
}
