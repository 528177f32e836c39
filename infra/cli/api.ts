import type { RequestType } from '../../functions/cdc/requests.ts';
import type { Upstream } from './endpoint/upstream.ts';
import { RefusedError } from './failures.ts';
import { parseExact } from './parse-exact.ts';

export interface ApiAnswer {
  readonly data: unknown;
  /** The answer's body as it came. */
  readonly text: string;
}

/** The requests of the API. Every call fails with {@link RefusedError} when the API says no, and as {@link Upstream}
 *  does when it says nothing. */
export class CdcApi {
  readonly #upstream: Upstream;
  readonly #signal: AbortSignal | undefined;

  constructor(upstream: Upstream, signal?: AbortSignal) {
    this.#upstream = upstream;
    this.#signal = signal;
  }

  get url(): string {
    return this.#upstream.url.href;
  }

  async call(type: RequestType, data: object = {}): Promise<ApiAnswer> {
    const request = {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: Buffer.from(JSON.stringify({ request_type: type, request_data: data })),
    };
    const { body: text } = await this.#upstream.send(request, this.#signal);
    const answer = parseExact(text) as { code: number; message?: unknown; data?: unknown };
    if (answer.code !== 200)
      throw new RefusedError(String(answer.message ?? `the code is ${answer.code}`), text);
    return { data: answer.data, text };
  }
}
