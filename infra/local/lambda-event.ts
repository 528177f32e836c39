import type { IncomingMessage } from 'node:http';
import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { readBody } from './read-body.ts';

/** An HTTP request as API Gateway's HTTP API would hand it to Lambda (payload format 2.0).
 *  Fails as {@link readBody} does. */
export async function toLambdaEvent(
  request: IncomingMessage,
  maxBytes: number,
): Promise<APIGatewayProxyEventV2> {
  const [path = '/', query = ''] = (request.url ?? '/').split('?', 2);
  const method = request.method ?? 'GET';
  const sourceIp = request.socket.remoteAddress ?? '';
  const now = new Date();
  return {
    version: '2.0',
    routeKey: 'ANY /cdc',
    rawPath: path,
    rawQueryString: query,
    headers: Object.fromEntries(
      Object.entries(request.headers).map(([name, value]) => [name, String(value ?? '')]),
    ),
    requestContext: {
      accountId: 'local',
      apiId: 'local',
      domainName: request.headers.host ?? '',
      domainPrefix: '',
      http: { method, path, protocol: 'HTTP/1.1', sourceIp, userAgent: request.headers['user-agent'] ?? '' },
      requestId: '',
      routeKey: 'ANY /cdc',
      stage: '$default',
      time: now.toISOString(),
      timeEpoch: now.getTime(),
    },
    body: (await readBody(request, maxBytes)).toString('base64'),
    isBase64Encoded: true,
  };
}
