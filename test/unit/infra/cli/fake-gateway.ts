import { createServer, type IncomingHttpHeaders } from 'node:http';
import { readBody } from '../../../../infra/local/read-body.ts';
import { close, listen } from './cdc-world.ts';

export interface GatewayAnswer {
  readonly status?: number;
  readonly headers?: Record<string, string>;
  /** Undefined: none ever comes. */
  readonly body?: string | undefined;
}

export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Stands where API Gateway does: notes what comes and answers as told, the last answer again and again. */
export async function fakeGateway(...answers: GatewayAnswer[]) {
  const seen: Seen[] = [];
  const server = createServer(async (request, response) => {
    const body = (await readBody(request, 1e6)).toString();
    seen.push({ method: request.method ?? '', path: request.url ?? '', headers: request.headers, body });
    const answer = answers[Math.min(seen.length, answers.length) - 1];
    if (answer?.body === undefined) return;
    response.writeHead(answer.status ?? 200, answer.headers ?? {}).end(answer.body);
  });
  const url = `${await listen(server)}/cdc`;
  return { url, seen, [Symbol.asyncDispose]: () => close(server) };
}
