import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { AwsClientConfig } from './ministack.ts';

export interface LambdaDouble extends AsyncDisposable {
  readonly endpoint: string;
  readonly clientConfig: AwsClientConfig;
  close(): Promise<void>;
}

/** What an invoked function does: an answer, or a failure as Lambda reports it. */
export type LambdaFunction = (event: unknown) => Promise<unknown>;

/** Starts a Lambda that knows one operation, a synchronous `Invoke`, and runs functions of this process by their names.
 *  What they answer travels as JSON; one that throws is answered as a function error. */
export async function startLambdaDouble(
  functions: Readonly<Record<string, LambdaFunction>>,
): Promise<LambdaDouble> {
  const server = createServer((request, response) => {
    const [, name = ''] = /^\/2015-03-31\/functions\/([^/]+)\/invocations/.exec(request.url ?? '') ?? [];
    const run = functions[decodeURIComponent(name)];
    const answer = (status: number, headers: Record<string, string>, body: unknown) => {
      response.writeHead(status, { 'content-type': 'application/json', ...headers });
      response.end(JSON.stringify(body ?? null));
    };
    void (async () => {
      const body = Buffer.concat(await request.toArray()).toString();
      if (run === undefined) {
        const headers = { 'x-amzn-errortype': 'ResourceNotFoundException' };
        return answer(404, headers, { Message: `Function not found: ${name}` });
      }
      try {
        return answer(200, {}, await run(JSON.parse(body)));
      } catch (error) {
        const { name: errorType, message: errorMessage } = error as Error;
        return answer(200, { 'x-amz-function-error': 'Unhandled' }, { errorType, errorMessage });
      }
    })();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const close = async () => {
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  };
  const credentials = { accessKeyId: '123456789012', secretAccessKey: 'test' };
  return {
    endpoint,
    clientConfig: { endpoint, region: 'eu-central-1', credentials },
    close,
    [Symbol.asyncDispose]: close,
  };
}
