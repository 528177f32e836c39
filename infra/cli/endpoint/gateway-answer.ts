import { UnavailableError } from '../failures.ts';

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

/** The answer of whoever stands before the API and answered in its place, as a failure that says what to do; undefined
 *  when the API itself answered. Only the API's answers have a `code`. */
export function gatewayFailure({ status, body }: HttpAnswer, url: URL): UnavailableError | undefined {
  const answer = parsed(body);
  if (typeof answer?.['code'] === 'number') return undefined;
  const words = answer?.['message'] ?? answer?.['Message'];
  const said = typeof words === 'string' ? ` (${words.slice(0, 300)})` : '';
  return new UnavailableError(status < 400 ? 502 : status, sentence(status, said, url));
}

function sentence(status: number, said: string, url: URL): string {
  switch (status) {
    case 401:
      return `the API asks for a valid token${said}: give one with --bearer-env`;
    case 403:
      return `AWS refuses the request${said}: the caller needs execute-api:Invoke on this API, the region has to be the API's, and the clock of this machine has to be right`;
    case 404:
      return `there is no API at ${url.href}${said}: it ends in /cdc`;
    case 413:
      return `the request is too large for the API${said}`;
    case 429:
      return `the API is asked too often${said}: try again later`;
    case 500:
    case 502:
    case 503:
    case 504:
      return `the API gave no answer in time, or is away${said}: the request may have been carried out, look before you repeat it`;
    default:
      return `what answers at ${url.href} is not the /cdc API (HTTP ${status})`;
  }
}

function parsed(body: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}
