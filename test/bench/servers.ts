import { readFileSync } from 'node:fs';
import { openSide, type Side } from '../support/compare/side.ts';
import { startStack } from '../support/stack/stack.ts';
import type { StackAddresses } from '../support/stack/stack-addresses.ts';

/** The servers that are replicated between. */
export interface Servers extends AsyncDisposable {
  readonly addresses: StackAddresses;
  readonly source: Side;
  readonly target: Side;
}

export interface ServersOptions {
  /** A JSON file with the addresses of servers that run already, as test/support/stack/main.ts writes it. */
  readonly stackFile?: string | undefined;
  /** Start the target as milvus-cdc needs it: it then serves nobody but the replicator. */
  readonly standbyTarget: boolean;
}

export async function openServers({ stackFile, standbyTarget }: ServersOptions): Promise<Servers> {
  await using undo = new AsyncDisposableStack();
  let addresses: StackAddresses;
  if (stackFile === undefined) {
    const settings = standbyTarget ? { common: { ttMsgEnabled: false } } : {};
    const stack = undo.use(await startStack({ target: { settings } }));
    addresses = stack.addresses;
  } else {
    addresses = JSON.parse(readFileSync(stackFile, 'utf8')) as StackAddresses;
  }
  const source = undo.use(await openSide(addresses.source.milvusAddress));
  const target = undo.use(await openSide(addresses.target.milvusAddress));
  const keep = undo.move();
  return { addresses, source, target, [Symbol.asyncDispose]: () => keep.disposeAsync() };
}

/** A target for what a standby one cannot be measured with: it shows no row that was written to it directly. */
export async function openOrdinaryTarget(): Promise<{ readonly side: Side } & AsyncDisposable> {
  await using undo = new AsyncDisposableStack();
  const stack = undo.use(await startStack({ source: false }));
  const side = undo.use(await openSide(stack.target.address));
  const keep = undo.move();
  return { side, [Symbol.asyncDispose]: () => keep.disposeAsync() };
}
