import { lookup } from 'node:dns/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TargetSecret } from '#shared/secrets/secret-store.ts';
import { isPublicAddress } from '#shared/target-rules.ts';
import type { TargetConnection } from '#shared/task/task.ts';
import { addressOf } from './target-address.ts';
import type { TargetFacts, TargetProbe } from './target-probe.ts';

export interface RoutedTargetProbeOptions {
  /** In the network of the replicators. */
  readonly inside: TargetProbe;
  /** Anywhere with a way to the internet. */
  readonly outside: TargetProbe;
  /** The IP addresses of a host; none when it has none here. @default asks DNS */
  readonly resolve?: ((host: string) => Promise<readonly string[]>) | undefined;
}

/** A name that is not known by then is one of the private network's, or of nobody. */
const RESOLVE_MS = 2_000;

/** The {@link TargetProbe} where replicators reach the internet by public addresses of their own: AWS gives a Lambda in a
 *  VPC no such address. So what is on the internet is checked from outside of the VPC, everything else inside. */
export class RoutedTargetProbe implements TargetProbe {
  readonly #inside: TargetProbe;
  readonly #outside: TargetProbe;
  readonly #resolve: (host: string) => Promise<readonly string[]>;

  constructor({ inside, outside, resolve = askDns }: RoutedTargetProbeOptions) {
    this.#inside = inside;
    this.#outside = outside;
    this.#resolve = resolve;
  }

  async check(
    target: TargetConnection,
    credentials: TargetSecret | undefined,
    budgetMs: number,
  ): Promise<TargetFacts> {
    const started = performance.now();
    const { host } = addressOf(target, credentials);
    const addresses = await this.#resolve(host);
    const probe = addresses.length > 0 && addresses.every(isPublicAddress) ? this.#outside : this.#inside;
    return probe.check(
      target,
      credentials,
      Math.max(1, Math.round(budgetMs - (performance.now() - started))),
    );
  }
}

async function askDns(host: string): Promise<readonly string[]> {
  const asked = lookup(host, { all: true }).then(
    (found) => found.map(({ address }) => address),
    () => [],
  );
  return Promise.race([asked, sleep(RESOLVE_MS, [], { ref: false })]);
}
