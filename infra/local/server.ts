import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { APIGatewayProxyResult } from 'aws-lambda';
import type { Logger } from '#shared/log.ts';
import { failure, toHttp } from '../../functions/cdc/envelope.ts';
import { type HttpEvent, MAX_BODY_BYTES } from '../../functions/cdc/http-event.ts';
import { toLambdaEvent } from './lambda-event.ts';
import { BodyTooLargeError } from './read-body.ts';

export interface ServerOptions {
  /** The Lambda handler of `/cdc`. */
  readonly handler: (event: HttpEvent) => Promise<APIGatewayProxyResult>;
  /** Fails when this system cannot do its work. */
  readonly checkHealth: () => Promise<void>;
  readonly log: Logger;
  /** @default {@link MAX_BODY_BYTES} */
  readonly maxBodyBytes?: number | undefined;
}

/** The HTTP side of one machine: `/cdc` in any method goes to the same handler that Lambda runs; `GET /healthz` is for
 *  whoever supervises the process. */
export function createHttpServer(options: ServerOptions): Server {
  const server = createServer((request, response) => {
    respond(options, request).then(
      (answer) => send(response, answer),
      (error: unknown) => {
        options.log.error({ err: error }, 'answering a request failed');
        send(response, toHttp(failure(500, 'fail to read the request body, error: internal'), false));
      },
    );
  });
  server.headersTimeout = 10_000;
  server.requestTimeout = 60_000;
  return server;
}

async function respond(options: ServerOptions, request: IncomingMessage): Promise<APIGatewayProxyResult> {
  const path = (request.url ?? '/').split('?')[0];
  if (path === '/healthz') return health(options);
  if (path !== '/cdc') return plain(404, 'not found: the API is at /cdc');
  if (isCrossOrigin(request)) return plain(403, 'web pages of other origins may not use this API');
  try {
    return await options.handler(await toLambdaEvent(request, options.maxBodyBytes ?? MAX_BODY_BYTES));
  } catch (error) {
    if (!(error instanceof BodyTooLargeError)) throw error;
    // What is left of the body is not read, so the connection is of no use any more.
    const answer = toHttp(failure(500, `fail to read the request body, error: ${error.message}`), false);
    return { ...answer, headers: { ...answer.headers, connection: 'close' } };
  }
}

/** A browser would send a web page's request here without asking anybody: the API looks at no content type and no
 *  cookie. Programs send no `Origin`. */
function isCrossOrigin({ headers }: IncomingMessage): boolean {
  const { origin, host } = headers;
  return origin !== undefined && URL.parse(origin)?.host !== host;
}

async function health({ checkHealth, log }: ServerOptions): Promise<APIGatewayProxyResult> {
  try {
    await checkHealth();
    return plain(200, 'ok');
  } catch (error) {
    log.warn({ err: error }, 'not healthy');
    return plain(503, 'not healthy');
  }
}

function plain(statusCode: number, text: string): APIGatewayProxyResult {
  return { statusCode, headers: { 'content-type': 'text/plain; charset=utf-8' }, body: `${text}\n` };
}

function send(response: ServerResponse, { statusCode, headers, body }: APIGatewayProxyResult): void {
  for (const [name, value] of Object.entries(headers ?? {})) response.setHeader(name, String(value));
  response.writeHead(statusCode).end(body);
}
