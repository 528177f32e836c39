import type { TargetSecret } from '#shared/secrets/secret-store.ts';
import type { TargetConnection } from '#shared/task/task.ts';

/** Where a target listens, and what TLS to speak there. */
export interface TargetAddress {
  readonly host: string;
  readonly port: number;
  /** Undefined: plain text. Empty: the system's certificate authorities. */
  readonly tls?: TargetTls | undefined;
}

export interface TargetTls {
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly serverName?: string | undefined;
}

/** TLS is spoken for `https` and wherever certificates are given, as in milvus-cdc. */
export function addressOf(target: TargetConnection, secret: TargetSecret | undefined): TargetAddress {
  const url = new URL(target.uri);
  const { caPem, serverPem, clientCertPem, serverName } = target.tls ?? {};
  const tls = {
    ca: caPem ?? serverPem,
    cert: clientCertPem,
    key: secret?.clientKeyPem,
    serverName,
  };
  const encrypted = url.protocol === 'https:' || tls.ca !== undefined || tls.cert !== undefined;
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    // `URL` leaves out a port that is the scheme's own.
    port: Number(url.port || (url.protocol === 'https:' ? 443 : 80)),
    ...(encrypted ? { tls } : {}),
  };
}
