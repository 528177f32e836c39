/** What stands where a credential was. */
export const MASK = '***';

/** Members that hold credentials, at whatever depth. */
const CREDENTIALS = new Set(['username', 'password', 'token']);

export function isCredential(member: string): boolean {
  return CREDENTIALS.has(member.toLowerCase());
}

/** A URI without what must not be shown: user-info (up to the last `@`, so that an unencoded `/` or `@` in a password
 *  hides too), and the values of credential-like query parameters. */
export function maskUri(uri: string): string {
  const { scheme, userInfo, rest } = splitUserInfo(uri);
  const shown = rest.replace(/([?&;][^=&;]*(?:token|pass|secret|key)[^=&;]*=)[^&;#]*/gi, `$1${MASK}`);
  return userInfo === undefined ? `${scheme}${shown}` : `${scheme}${MASK}@${shown}`;
}

/** The URI without its user-info: what two tasks are compared by. */
export function withoutUserInfo(uri: string): string {
  const { scheme, rest } = splitUserInfo(uri);
  return `${scheme}${rest}`;
}

export interface UriParts {
  /** With `://`, or empty. */
  readonly scheme: string;
  readonly userInfo?: string | undefined;
  readonly rest: string;
}

export function splitUserInfo(uri: string): UriParts {
  const scheme = /^[a-z][a-z0-9+.-]*:\/\//i.exec(uri)?.[0] ?? '';
  const rest = uri.slice(scheme.length);
  const at = rest.lastIndexOf('@');
  return at < 0 ? { scheme, rest } : { scheme, userInfo: rest.slice(0, at), rest: rest.slice(at + 1) };
}

/** Takes known secrets out of a text that others wrote (a server's message, a library's). Very short ones stay: they
 *  would tear words apart and tell nothing. */
export function redact(text: string, secrets: readonly (string | undefined)[]): string {
  const known = secrets
    .filter((s): s is string => s !== undefined && s.length >= 4)
    .toSorted((a, b) => b.length - a.length);
  return known.reduce((shown, secret) => shown.replaceAll(secret, MASK), text);
}
