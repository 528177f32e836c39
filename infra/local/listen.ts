import { once } from 'node:events';
import type { Server } from 'node:http';
import type { ListenAddress } from './config/listen-address.ts';

/** The address cannot be listened on; the message says why and what to set instead. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
}

/** Resolves once the server listens. Fails with {@link ListenError}; `advice` ends its sentence. */
export async function listen(server: Server, { host, port }: ListenAddress, advice: string): Promise<void> {
  try {
    server.listen({ port, ...(host === undefined ? {} : { host }) });
    await once(server, 'listening');
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
    const why = code === 'EADDRINUSE' ? 'is in use by another program' : `cannot be listened on (${code})`;
    throw new ListenError(`${host ?? ''}:${port} ${why}; ${advice}`, { cause });
  }
}
