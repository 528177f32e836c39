import type { TargetConnection } from '#shared/task/task.ts';
import { type Credentials, type Given, type Readers, readCredentials, readGiven } from './credentials.ts';
import { clientError, sentenceOf, serverError } from './errors.ts';
import { maskUri, splitUserInfo, withoutUserInfo } from './mask.ts';
import type { MilvusConnectParam } from './requests.ts';

/** How to reach a target, with the credentials apart. */
export interface PreparedTarget extends Credentials {
  readonly connection: TargetConnection;
  /** What two tasks' targets are compared by: the literal URI, without anything secret. */
  readonly identity: string;
}

const DEFAULT_TIMEOUT_SECONDS = 5;
const PORTS: Readonly<Record<string, string>> = { http: '19530', https: '443' };

/** Turns `milvus_connect_param` into a connection; reads the PEM texts and the secrets it refers to.
 *  Fails with an `ApiError`: 500 for a URI that nothing can connect to (milvus-cdc finds out by connecting), 400 for
 *  certificates and secrets that cannot be read. */
export async function prepareTarget(param: MilvusConnectParam, readers: Readers): Promise<PreparedTarget> {
  const uri = givenUri(param);
  const tls = await readTls(param.dial_config, readers);
  const { userInfo } = splitUserInfo(uri);
  const given = { userInfo: userInfo && decoded(userInfo), clientKey: tls?.clientKey };
  return {
    connection: {
      uri: connectionUri(uri),
      connectTimeoutMs: (param.connect_timeout || DEFAULT_TIMEOUT_SECONDS) * 1000,
      ...(tls === undefined ? {} : { tls: tls.shown }),
      ignorePartition: param.ignore_partition,
    },
    identity: withoutUserInfo(maskUri(uri)),
    ...(await readCredentials(param, given, readers)),
  };
}

/** The URI as the user gave it, or as milvus-cdc makes one of host and port. */
export function givenUri({ uri, host, port, enable_tls: tls }: MilvusConnectParam): string {
  if (uri !== '') return uri;
  if (host.includes('http://') || host.includes('https://')) return host;
  return `${tls ? 'https' : 'http'}://${host}:${port}`;
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
  readonly clientKey?: Given | undefined;
}

async function readTls(
  dial: MilvusConnectParam['dial_config'],
  readers: Readers,
): Promise<TlsMaterial | undefined> {
  if (Object.values(dial).every((value) => value === '')) return undefined;
  if ((dial.client_pem_path === '') !== (dial.client_key_path === '')) {
    throw clientError('dial_config.client_pem_path and dial_config.client_key_path belong together');
  }
  const pem = (member: keyof typeof dial) => readPem(`dial_config.${member}`, dial[member], readers);
  return {
    shown: {
      serverName: dial.server_name || undefined,
      serverPem: (await pem('server_pem_path'))?.value,
      caPem: (await pem('ca_pem_path'))?.value,
      clientCertPem: (await pem('client_pem_path'))?.value,
    },
    clientKey: await pem('client_key_path'),
  };
}

async function readPem(member: string, text: string, readers: Readers): Promise<Given | undefined> {
  if (text === '') return undefined;
  const given = await readGiven(member, text, readers.secretReferences);
  if (given.reference === undefined) {
    try {
      return { value: await readers.readPem(text) };
    } catch (error) {
      throw clientError(`${member} cannot be used: ${sentenceOf(error)}`);
    }
  }
  if (given.value.includes('-----BEGIN ')) return given;
  throw clientError(`${member} cannot be used: the secret holds no PEM text`);
}
