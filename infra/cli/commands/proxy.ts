import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseArgs } from 'node:util';
import { isPublic, type ListenAddress, parseAddress } from '../../local/config/listen-address.ts';
import { listen } from '../../local/listen.ts';
import type { Command, CommandContext } from '../command.ts';
import { ENDPOINT_OPTIONS, type Endpoint, endpointOf, givenUrl } from '../endpoint/endpoint.ts';
import { EXIT_CODE, UsageError } from '../failures.ts';
import { createProxyServer } from '../proxy/proxy-server.ts';

export const proxy: Command = {
  summary: 'listen here and sign for clients that cannot',
  usage: `proxy [--listen HOST:PORT]

  --listen ADDRESS   default: 127.0.0.1:8444

Clients of milvus-cdc then use http://127.0.0.1:8444 as before. Whoever reaches that address acts with your rights.
`,
  async run(context) {
    const { values } = parseArgs({
      args: [...context.args],
      options: { ...ENDPOINT_OPTIONS, listen: { type: 'string' } },
      allowNegative: true,
    });
    const listen = parseAddress(values.listen, {
      refuse: (_, sentence) => {
        throw new UsageError(`--listen ${sentence}`);
      },
    });
    if (givenUrl(values, context) === undefined) {
      throw new UsageError('say where the API is: --url, $CDC_URL, or a cdk-outputs.json in this folder');
    }
    const endpoint = endpointOf(values, context);
    await serve(context, endpoint, listen);
    return EXIT_CODE.done;
  },
};

/** Until the person wants to end. */
async function serve(context: CommandContext, endpoint: Endpoint, listen: ListenAddress): Promise<void> {
  const { err, signal } = context;
  const server = createProxyServer({
    upstream: context.upstream(endpoint),
    onFailure: (message) => err(`${message}\n`),
  });
  const host = await opened(server, listen);
  if (isPublic(listen)) err('warning: other machines can reach this address and act with your rights\n');
  context.out(`http://${host}/cdc -> ${endpoint.url.href}${how(endpoint)} (Ctrl-C stops)\n`);
  if (!signal.aborted) await once(signal, 'abort');
  server.close();
  server.closeAllConnections();
}

async function opened(server: Server, { host, port }: ListenAddress): Promise<string> {
  await listen(server, { host, port }, 'give --listen').catch((error: Error) => {
    throw new UsageError(error.message, { cause: error });
  });
  const bound = server.address() as AddressInfo;
  const name = host ?? 'localhost';
  return `${name.includes(':') ? `[${name}]` : name}:${bound.port}`;
}

function how({ auth }: Endpoint): string {
  return auth.kind === 'sigv4' ? `, signed for ${auth.region}` : '';
}
