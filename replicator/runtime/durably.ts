import { CdcError } from '#shared/errors.ts';
import { FencedError, StoreUnavailableError } from '#shared/store/task-store.ts';
import { Backoff } from './backoff.ts';
import type { Clock } from './clock.ts';

/** Repeats a write to the store while that is away; resolves when it is durable. Fails with {@link CdcError} `lease_lost`
 *  when another job has the lease, and with the signal's reason. */
export async function durably(
  write: () => Promise<void>,
  options: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<void> {
  const backoff = new Backoff({ clock: options.clock, capMs: 1_000 });
  for (;;) {
    options.signal.throwIfAborted();
    try {
      return await write();
    } catch (error) {
      if (error instanceof FencedError) {
        throw new CdcError('lease_lost', 'another job has taken this task over', { cause: error });
      }
      if (!(error instanceof StoreUnavailableError)) throw error;
      await backoff.wait(options.signal);
    }
  }
}
