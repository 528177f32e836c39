import type { TargetSecret } from '#shared/secrets/secret-store.ts';
import type { TargetConnection } from '#shared/task/task.ts';
import type { CdcDeps } from './deps.ts';
import { clientError, sentenceOf, serverError } from './errors.ts';
import { maskUri, splitUserInfo, withoutUserInfo } from './mask.ts';
import type { MilvusConnectParam } from './requests.ts';

/** How to reach a target, with the credentials apart. */
export interface PreparedTarget {
  readonly connection: TargetConnection;
  /** What two tasks' targets are compared by: the literal URI, without anything secret. */
  readonly identity: string;
  /** Absent when the target needs none. */
  readonly secret?: TargetSecret | undefined;
}

const DEFAULT_TIMEOUT_SECONDS = 5;
const PORTS: Readonly<Record<string, string>> = { http: '19530', https: '443' };

/** Turns `milvus_connect_param` into a connection; reads the PEM texts it refers to.
 *  Fails with an `ApiError`: 500 for a URI that nothing can connect to (milvus-cdc finds out by connecting), 400 for
 *  certificates that cannot be read. */
export async function prepareTarget(
  param: MilvusConnectParam,
  readPem: CdcDeps['readPem'],
): Promise<PreparedTarget> {
  const uri = givenUri(param);
  const tls = await readTls(param.dial_config, readPem);
  const token = tokenOf(param, splitUserInfo(uri).userInfo);
  const clientKeyPem = tls?.clientKeyPem;
  return {
    connection: {
      uri: connectionUri(uri),
      connectTimeoutMs: (param.connect_timeout || DEFAULT_TIMEOUT_SECONDS) * 1000,
      ...(tls === undefined ? {} : { tls: tls.shown }),
      ignorePartition: param.ignore_partition,
    },
    identity: withoutUserInfo(maskUri(uri)),
    ...(token === '' && clientKeyPem === undefined ? {} : { secret: { token, clientKeyPem } }),
  };
}

/** The URI as the user gave it, or as milvus-cdc makes one of host and port. */
export function givenUri({ uri, host, port, enable_tls: tls }: MilvusConnectParam): string {
  if (uri !== '') return uri;
  if (host.includes('http://') || host.includes('https://')) return host;
  return `${tls ? 'https' : 'http'}://${host}:${port}`;
}

function tokenOf({ token, username, password }: MilvusConnectParam, userInfo: string | undefined): string {
  if (token !== '') return token;
  if (username !== '') return `${username}:${password}`;
  return userInfo === undefined ? '' : decoded(userInfo);
}

function connectionUri(given: string): string {
  const bare = withoutUserInfo(given);
  const url = URL.parse(/^[a-z][a-z0-9+.-]*:\/\//i.test(bare) ? bare : `http://${bare}`);
  const scheme = url?.protocol === 'tcp:' ? 'http' : url?.protocol.slice(0, -1);
  if (url === null || scheme === undefined || url.hostname === '' || PORTS[scheme] === undefined) {
    throw serverError('fail to connect the milvus: the uri is not of the form http(s)://host:port');
  }
  const port = url.port || implicitPort(bare, scheme);
  const database = decoded(url.pathname.replace(/^\/+|\/+$/g, ''));
  return `${scheme}://${url.hostname}:${port}${database === '' ? '' : `/${database}`}`;
}

/** `URL` drops a port that is the scheme's own, and knows nothing of Milvus's. */
function implicitPort(uri: string, scheme: string): string {
  const written = /^(?:[a-z][a-z0-9+.-]*:\/\/)?[^/?#]*:(\d+)(?:[/?#]|$)/i.exec(uri)?.[1];
  return written === undefined ? (PORTS[scheme] ?? '') : String(Number(written));
}

/** User-info and paths may be percent-encoded; what is not stays as it is. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

interface TlsMaterial {
  readonly shown: NonNullable<TargetConnection['tls']>;
  readonly clientKeyPem?: string | undefined;
}

async function readTls(
  dial: MilvusConnectParam['dial_config'],
  readPem: CdcDeps['readPem'],
): Promise<TlsMaterial | undefined> {
  if (Object.values(dial).every((value) => value === '')) return undefined;
  if ((dial.client_pem_path === '') !== (dial.client_key_path === '')) {
    throw clientError('dial_config.client_pem_path and dial_config.client_key_path belong together');
  }
  const pem = async (member: 'server_pem_path' | 'ca_pem_path' | 'client_pem_path' | 'client_key_path') => {
    if (dial[member] === '') return undefined;
    try {
      return await readPem(dial[member]);
    } catch (error) {
      throw clientError(`dial_config.${member} cannot be used: ${sentenceOf(error)}`);
    }
  };
  return {
    shown: {
      serverName: dial.server_name || undefined,
      serverPem: await pem('server_pem_path'),
      caPem: await pem('ca_pem_path'),
      clientCertPem: await pem('client_pem_path'),
    },
    clientKeyPem: await pem('client_key_path'),
  };
}
