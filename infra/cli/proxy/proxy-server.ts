import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { toHttp } from '../../../functions/cdc/envelope.ts';
import { MAX_BODY_BYTES } from '../../../functions/cdc/http-event.ts';
import { BodyTooLargeError, readBody } from '../../local/read-body.ts';
import type { Upstream } from '../endpoint/upstream.ts';
import { UnavailableError } from '../failures.ts';

export interface ProxyOptions {
  readonly upstream: Upstream;
  /** Told about each request that the API did not answer. */
  readonly onFailure: (message: string) => void;
}

/** Headers that mean something to the API; everything else stays here. */
const TO_API = ['content-type', 'accept', 'x-cdc-status'];
const TO_CLIENT = ['content-type', 'cache-control', 'apigw-requestid', 'x-amzn-requestid'];

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Forwards `/cdc` to the API with the caller's rights, so that clients which cannot sign work unchanged. What the API
 *  answers comes through as it is; where it gave no answer, the proxy answers with the API's envelope, since that is all
 *  that such clients understand.
 *
 *  **Only programs are served, never web pages:** whoever reaches this port acts with the rights of whoever started
 *  it, and a page of any origin could make a browser reach it. Programs send neither `Origin` nor `Sec-Fetch-Site`. */
export function createProxyServer(options: ProxyOptions): Server {
  const server = createServer((request, response) => {
    respond(options, request).then(
      (answer) => send(response, answer),
      (error: unknown) => {
        const message = error instanceof Error ? error.message : String(error);
        options.onFailure(message);
        send(response, failure(request, 500, message));
      },
    );
  });
  server.headersTimeout = 10_000;
  server.requestTimeout = 60_000;
  return server;
}

async function respond({ upstream, onFailure }: ProxyOptions, request: IncomingMessage): Promise<Answer> {
  if ((request.url ?? '/').split('?')[0] !== '/cdc') return plain(404, 'not found: the API is at /cdc');
  const { origin, 'sec-fetch-site': site } = request.headers;
  if (origin !== undefined || site !== undefined) return plain(403, 'web pages may not use this API');
  try {
    const { status, headers, body } = await upstream.send({
      method: request.method ?? 'GET',
      headers: pick(TO_API, (name) => request.headers[name]?.toString()),
      body: hasNoBody(request) ? Buffer.alloc(0) : await readBody(request, MAX_BODY_BYTES),
    });
    return { status, headers: pick(TO_CLIENT, (name) => headers.get(name) ?? undefined), body };
  } catch (error) {
    if (error instanceof BodyTooLargeError) {
      const answer = failure(request, 500, `fail to read the request body, error: ${error.message}`);
      return { ...answer, headers: { ...answer.headers, connection: 'close' } };
    }
    if (!(error instanceof UnavailableError)) throw error;
    onFailure(error.message);
    return failure(request, error.status, error.message);
  }
}

/** `fetch` sends none with these; the API refuses the methods anyway. */
function hasNoBody({ method }: IncomingMessage): boolean {
  return method === 'GET' || method === 'HEAD';
}

function failure(request: IncomingMessage, code: number, message: string): Answer {
  const realStatus = request.headers['x-cdc-status']?.toString().toLowerCase() === 'real';
  const { statusCode: status, headers, body } = toHttp({ code, message }, realStatus);
  return { status, headers: pick(TO_CLIENT, (name) => headers?.[name]?.toString()), body };
}

function plain(status: number, text: string): Answer {
  return { status, headers: { 'content-type': 'text/plain; charset=utf-8' }, body: `${text}\n` };
}

function pick(names: readonly string[], find: (name: string) => string | undefined): Record<string, string> {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = find(name);
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

function send(response: ServerResponse, { status, headers, body }: Answer): void {
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  response.writeHead(status).end(body);
}
