import type { Sign } from '#shared/aws/sigv4.ts';
import type { Clock } from '../../../functions/cdc/deps.ts';
import { UnavailableError } from '../failures.ts';
import type { Endpoint } from './endpoint.ts';
import { gatewayFailure } from './gateway-answer.ts';

export interface UpstreamRequest {
  readonly method: string;
  readonly body: Uint8Array;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
}

/** What the API itself answered. */
export interface UpstreamAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

export interface UpstreamOptions {
  readonly endpoint: Endpoint;
  /** Needed when the endpoint asks for a signature. */
  readonly sign: Sign;
  readonly sleep: Clock['sleep'];
  /** @default {@link ANSWER_MS} */
  readonly answerMs?: number | undefined;
}

/** API Gateway gives up after 30 s; behind a load balancer of one's own it may take longer, but not much. */
const ANSWER_MS = 60_000;

/** A request that was throttled reached nobody, so it may be sent again. */
const THROTTLED = 429;
const ATTEMPTS = 3;
const FIRST_PAUSE_MS = 500;

/** Sends requests to the API, signed as its endpoint asks. Every answer comes from the API itself; anything else (the
 *  gateway refused, nobody answered in time) fails with {@link UnavailableError}, and never later than the bound. */
export class Upstream {
  readonly #options: UpstreamOptions;

  constructor(options: UpstreamOptions) {
    this.#options = options;
  }

  get url(): URL {
    return this.#options.endpoint.url;
  }

  async send(request: UpstreamRequest, signal?: AbortSignal): Promise<UpstreamAnswer> {
    for (let attempt = 1; ; attempt++) {
      const answer = await this.#sendOnce(request, signal);
      const failure = gatewayFailure(answer, this.url);
      if (failure === undefined) return answer;
      if (failure.status !== THROTTLED || attempt === ATTEMPTS) throw failure;
      await this.#options.sleep(FIRST_PAUSE_MS * 2 ** (attempt - 1) * (0.5 + Math.random()));
    }
  }

  async #sendOnce(request: UpstreamRequest, signal: AbortSignal | undefined): Promise<UpstreamAnswer> {
    const { answerMs = ANSWER_MS } = this.#options;
    const headers = await this.#headers(request);
    const late = AbortSignal.timeout(answerMs);
    try {
      const response = await fetch(this.url, {
        method: request.method,
        headers,
        // A redirect would be signed for the wrong host.
        redirect: 'manual',
        signal: signal === undefined ? late : AbortSignal.any([signal, late]),
        ...(request.body.length === 0 ? {} : { body: Uint8Array.from(request.body) }),
      });
      return { status: response.status, headers: response.headers, body: await response.text() };
    } catch (cause) {
      if (signal?.aborted === true) throw cause;
      throw unreachable(this.url, cause, late.aborted ? answerMs : undefined);
    }
  }

  async #headers({ method, headers, body }: UpstreamRequest): Promise<Record<string, string>> {
    const { endpoint, sign } = this.#options;
    switch (endpoint.auth.kind) {
      case 'none':
        return { ...headers };
      case 'bearer':
        return { ...headers, authorization: `Bearer ${endpoint.auth.token}` };
      case 'sigv4':
        return sign({ method, url: this.url, headers, body });
    }
  }
}

/** `fetch` hides the reason in a chain of causes. */
function unreachable(url: URL, cause: unknown, lateMs: number | undefined): UnavailableError {
  if (lateMs !== undefined) {
    const text = `${url.host} did not answer within ${lateMs / 1000} s: the request may have been carried out, look before you repeat it`;
    return new UnavailableError(504, text, { cause });
  }
  let deepest = cause;
  while (deepest instanceof Error && deepest.cause !== undefined) deepest = deepest.cause;
  const said = deepest instanceof Error ? deepest.message : String(deepest);
  const code = deepest instanceof Error && 'code' in deepest ? String(deepest.code) : said;
  const why =
    code === 'ECONNREFUSED' ? `nothing listens at ${url.host}` : `${url.host} cannot be reached: ${code}`;
  return new UnavailableError(502, why, { cause });
}
