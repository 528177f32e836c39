import middy, { type MiddlewareObj } from '@middy/core';
import type { APIGatewayProxyResult } from 'aws-lambda';
import type { CdcDeps } from './deps.ts';
import { answer } from './dispatch.ts';
import { failure, toHttp } from './envelope.ts';
import { type HttpEvent, readEvent } from './http-event.ts';

/** The Lambda handler of `/cdc`, every method: HTTP API and REST API events alike; the same one serves a single machine.
 *  Whatever happens, the answer is the envelope. `middleware` is what one of the two has beside. */
export function createHandler(deps: CdcDeps, middleware: readonly MiddlewareObj[] = []) {
  return middy<HttpEvent, APIGatewayProxyResult>()
    .use([...middleware])
    .onError((request) => {
      deps.log.error({ err: request.error }, 'a request failed outside its handler');
      request.response = toHttp(failure(500, 'fail to read the request body, error: bad event'), false);
    })
    .handler(async (event) => {
      const request = readEvent(event);
      return toHttp(await answer(deps, request), request.realStatus);
    });
}
