import type { APIGatewayProxyEvent, APIGatewayProxyEventV2 } from 'aws-lambda';

/** Events of an HTTP API (2.0) and of a REST API (1.0). */
export type HttpEvent = APIGatewayProxyEventV2 | APIGatewayProxyEvent;

/** Bytes of a body: far more than any request needs, and what it may make a store or a decoder do is bounded. */
export const MAX_BODY_BYTES = 256 * 1024;

export interface HttpRequest {
  readonly method: string;
  /** Decoded text; empty when there is none. The content type is not looked at, as in milvus-cdc. */
  readonly body: string;
  /** The body has more than {@link MAX_BODY_BYTES}; `body` is empty. */
  readonly tooLarge: boolean;
  /** The header `x-cdc-status: real` was sent. */
  readonly realStatus: boolean;
}

export function readEvent(event: HttpEvent): HttpRequest {
  const body = Buffer.from(event.body ?? '', event.isBase64Encoded ? 'base64' : 'utf8');
  const tooLarge = body.length > MAX_BODY_BYTES;
  return {
    method: 'httpMethod' in event ? event.httpMethod : event.requestContext.http.method,
    body: tooLarge ? '' : body.toString(),
    tooLarge,
    realStatus: header(event, 'x-cdc-status')?.toLowerCase() === 'real',
  };
}

function header(event: HttpEvent, name: string): string | undefined {
  const found = Object.entries(event.headers ?? {}).find(([key]) => key.toLowerCase() === name);
  return found?.[1];
}
