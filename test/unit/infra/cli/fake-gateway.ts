import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
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
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = (await readBody(request, 1e6)).toString();
    seen.push({ method: request.method ?? '', path: request.url ?? '', headers: request.headers, body });
    const next = answers[Math.min(seen.length, answers.length) - 1];
    if (next?.body !== undefined) response.writeHead(next.status ?? 200, next.headers ?? {}).end(next.body);
  };
  const server = createServer((request, response) => void answer(request, response));
  const url = `${await listen(server)}/cdc`;
  return { url, seen, [Symbol.asyncDispose]: () => close(server) };
}
