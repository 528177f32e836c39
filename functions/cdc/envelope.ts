import type { APIGatewayProxyResult } from 'aws-lambda';

/** What every answer is. `data` and `message` are left out when there is nothing to say. */
export interface Envelope {
  readonly code: number;
  readonly message?: string | undefined;
  readonly data?: object | undefined;
}

/** A request may hold names of any length, and messages quote them; an answer has a size limit. */
const MAX_MESSAGE = 64 * 1024;

export function success(data?: object): Envelope {
  return data === undefined ? { code: 200 } : { code: 200, data };
}

export function failure(code: 400 | 405 | 500, message: string): Envelope {
  return { code, message: message.length > MAX_MESSAGE ? `${message.slice(0, MAX_MESSAGE)}…` : message };
}

/** The HTTP answer: status 200 whatever happened, as milvus-cdc's clients expect, unless the request asked for real
 *  statuses; one line of JSON. */
export function toHttp(envelope: Envelope, realStatus: boolean): APIGatewayProxyResult {
  return {
    statusCode: realStatus ? envelope.code : 200,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
    body: `${JSON.stringify(envelope)}\n`,
  };
}
