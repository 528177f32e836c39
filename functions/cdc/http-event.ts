import type { APIGatewayProxyEvent, APIGatewayProxyEventV2 } from 'aws-lambda';

/** Events of an HTTP API (2.0) and of a REST API (1.0). */
export type HttpEvent = APIGatewayProxyEventV2 | APIGatewayProxyEvent;

export interface HttpRequest {
  readonly method: string;
  /** Decoded text; empty when there is none. The content type is not looked at, as in milvus-cdc. */
  readonly body: string;
  /** The header `x-cdc-status: real` was sent. */
  readonly realStatus: boolean;
}

export function readEvent(event: HttpEvent): HttpRequest {
  const body = event.body ?? '';
  return {
    method: 'httpMethod' in event ? event.httpMethod : event.requestContext.http.method,
    body: event.isBase64Encoded ? Buffer.from(body, 'base64').toString() : body,
    realStatus: header(event, 'x-cdc-status')?.toLowerCase() === 'real',
  };
}

function header(event: HttpEvent, name: string): string | undefined {
  const found = Object.entries(event.headers ?? {}).find(([key]) => key.toLowerCase() === name);
  return found?.[1];
}
