import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { createHandler } from '../../../../functions/cdc/handler.ts';
import type { HttpEvent } from '../../../../functions/cdc/http-event.ts';
import { CdcApi } from '../../../../infra/cli/api.ts';
import { createGatewaySigner } from '../../../../infra/cli/endpoint/signer.ts';
import { Upstream } from '../../../../infra/cli/endpoint/upstream.ts';
import { run } from '../../../../infra/cli/run.ts';
import { createHttpServer } from '../../../../infra/local/server.ts';
import { memoryStores } from '../../../contract/api/stores.ts';
import { World } from '../../../contract/api/world.ts';

/** The example key of AWS's documentation. */
export const CREDENTIALS = {
  accessKeyId: 'AKIDEXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
};

export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** The real API handler behind HTTP, over a world of its own. */
export async function serveWorld() {
  const world = await World.open(memoryStores);
  const server = createHttpServer({
    // Anew for each request: a test may change the world's settings.
    handler: (event: HttpEvent) => createHandler(world.deps)(event, {} as never),
    checkHealth: async () => undefined,
    log: pino({ level: 'silent' }),
  });
  const url = `${await listen(server)}/cdc`;
  return { world, url, [Symbol.asyncDispose]: () => close(server) };
}

/** The replicators renew their leases and do not stop when they are asked to. */
export function neverStops({ fleet, tasks }: World): void {
  const getRun = tasks.getRun.bind(tasks);
  fleet.stubborn = true;
  tasks.getRun = async (id) => {
    await fleet.renewAll();
    return getRun(id);
  };
}

/** Somebody who calls the command line, in a folder of their own. Time does not pass but where a command waits. */
export class Caller implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'cdc-cli-'));
  readonly stop = new AbortController();
  readonly slept: number[] = [];
  env: Record<string, string> = {};
  /** Called before each wait. */
  onSleep: (() => Promise<void>) | undefined;
  out = '';
  err = '';
  #now = 0;

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true });
  }

  async call(...argv: string[]): Promise<Ended> {
    this.out = '';
    this.err = '';
    const sleep = async (ms: number): Promise<void> => {
      this.slept.push(ms);
      this.#now += ms;
      await this.onSleep?.();
    };
    const upstream = (endpoint: ConstructorParameters<typeof Upstream>[0]['endpoint']) => {
      const region = endpoint.auth.kind === 'sigv4' ? endpoint.auth.region : '';
      const sign = createGatewaySigner({ region, credentials: async () => CREDENTIALS });
      return new Upstream({ endpoint, sign, sleep });
    };
    const code = await run(argv, {
      env: this.env,
      cwd: this.folder,
      out: (text) => {
        this.out += text;
      },
      err: (text) => {
        this.err += text;
      },
      clock: { now: () => this.#now, monotonic: () => this.#now, sleep },
      signal: this.stop.signal,
      upstream,
      api: (endpoint) => new CdcApi(upstream(endpoint), this.stop.signal),
    });
    return { code, out: this.out, err: this.err };
  }
}

/** On a free port of this machine; answers `http://127.0.0.1:port`. */
export async function listen(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

export async function close(server: Server): Promise<void> {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
}
