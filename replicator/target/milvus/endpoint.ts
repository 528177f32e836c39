/** Where a Milvus is and how to introduce oneself, taken from the forms users write:
 *  `http(s)://[user:password@]host[:port][/database]`, with a token beside it or not. */
export interface Endpoint {
  /** `host:port`, as gRPC takes it. */
  readonly address: string;
  readonly tls: boolean;
  /** Empty: the server's default. */
  readonly database: string;
  /** Value of the `authorization` header; secret. Undefined: the server asks for no login. */
  readonly authorization?: string | undefined;
}

const DEFAULT_PORT = 19530;
const DEFAULT_TLS_PORT = 443;

/** `token`: `user:password` or an API key; it wins over what stands in the URI.
 *  Fails with a TypeError that does not repeat the URI, which may hold a password. */
export function parseEndpoint(uri: string, token?: string): Endpoint {
  const url = URL.canParse(uri) ? new URL(uri) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol) || url.hostname === '') {
    throw new TypeError("a Milvus's URI must be http(s)://host:port[/database]");
  }
  const tls = url.protocol === 'https:';
  const port = url.port === '' ? defaultPort(uri, tls) : Number(url.port);
  const credentials = token === undefined || token === '' ? userInfo(url) : token;
  return {
    address: `${url.hostname}:${port}`,
    tls,
    database: decodeURIComponent(url.pathname.replace(/^\/+|\/+$/g, '')),
    authorization: credentials === undefined ? undefined : Buffer.from(credentials).toString('base64'),
  };
}

/** URL drops a port that is its scheme's default, so a written `:80` has to be looked for. */
function defaultPort(uri: string, tls: boolean): number {
  if (tls) return DEFAULT_TLS_PORT;
  return /^http:\/\/(?:[^/?#]*@)?[^/?#]*:0*80(?:[/?#]|$)/i.test(uri) ? 80 : DEFAULT_PORT;
}

function userInfo(url: URL): string | undefined {
  if (url.username === '' && url.password === '') return undefined;
  return `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
}
