import { CdcClient, type CreateRequest, type TaskView } from '../support/cdc-client.ts';
import { type CdcServer, type CdcServerOptions, startCdcServer } from '../support/cdc-server.ts';
import { waitUntilEqual } from '../support/compare/compare.ts';
import { type Comparison, comparisonText } from '../support/compare/differences.ts';
import { openSide, type Place, type Side } from '../support/compare/side.ts';
import { ok } from '../support/milvus/connect.ts';
import { findReplicators } from '../support/process-tree.ts';
import type { StackAddresses } from '../support/stack/stack-addresses.ts';
import { waitUntil } from '../support/stack/wait-until.ts';

/** Two real Milvus servers and who replicates between them. */
export interface Replicated {
  readonly cdc: CdcClient;
  readonly source: Side;
  readonly target: Side;
  /** Begins the names of everything that the test makes, on both sides; dropped at the end. */
  readonly prefix: string;
  readonly targetUri: string;
}

/** The product as its users have it on one machine. */
export interface Product extends Replicated, AsyncDisposable {
  readonly server: CdcServer;
}

export interface ProductOptions extends CdcServerOptions {
  readonly stack: StackAddresses;
  /** Which test it is for: letters only. */
  readonly name: string;
}

export async function startProduct({ stack, name, ...options }: ProductOptions): Promise<Product> {
  await using undo = new AsyncDisposableStack();
  const sides = undo.use(await openSides({ stack, name }));
  const server = undo.use(await startCdcServer(stack, options));
  const cdc = new CdcClient(server.url);
  const keep = undo.move();
  return { ...sides, server, cdc, [Symbol.asyncDispose]: () => keep.disposeAsync() };
}

/** The servers of a test, and a prefix for what it makes there. */
export async function openSides({
  stack,
  name,
}: Pick<ProductOptions, 'stack' | 'name'>): Promise<Omit<Replicated, 'cdc'> & AsyncDisposable> {
  await using undo = new AsyncDisposableStack();
  const prefix = `e2e_${name}_${Date.now().toString(36)}`;
  const source = undo.use(await openSide(stack.source.milvusAddress));
  const target = undo.use(await openSide(stack.target.milvusAddress));
  undo.defer(async () => {
    await dropAll(source, prefix);
    await dropAll(target, prefix);
  });
  const keep = undo.move();
  const targetUri = `http://${stack.target.milvusAddress}`;
  return { source, target, prefix, targetUri, [Symbol.asyncDispose]: () => keep.disposeAsync() };
}

/** Creates a task; what is not said is `*` in the default database. */
export function createTask(product: Replicated, request: Partial<CreateRequest> = {}): Promise<string> {
  const scope = request.db_collections === undefined ? { collection_infos: [{ name: '*' }] } : {};
  return product.cdc.create({
    milvus_connect_param: { uri: product.targetUri },
    ...scope,
    ...request,
  });
}

/** A task for everything in another database. */
export function createDatabaseTask(product: Replicated, database: string): Promise<string> {
  return createTask(product, { db_collections: { [database]: [{ name: '*' }] } });
}

export function isOurs({ prefix }: Replicated): (place: Place) => boolean {
  return ({ database, name }) => name.startsWith(prefix) || database.startsWith(prefix);
}

/** Waits until everything of the test is the same on both sides, and all of it could be compared. */
export async function expectEqual(product: Replicated, timeoutMs = 180_000): Promise<Comparison> {
  const { source, target } = product;
  const comparison = await waitUntilEqual({ source, target, includes: isOurs(product), timeoutMs });
  if (comparison.notCompared.length > 0) throw new Error(comparisonText(comparison));
  return comparison;
}

/** Waits for a phase of a task; the error shows the last answer. */
export async function waitForPhase(
  product: Pick<Replicated, 'cdc'>,
  task: { readonly id: string; readonly phase: string; readonly timeoutMs?: number },
): Promise<TaskView> {
  const { id, phase, timeoutMs = 60_000 } = task;
  let view: TaskView | undefined;
  const reached = async () => {
    view = await product.cdc.get(id);
    return view.status?.phase === phase;
  };
  await waitUntil(reached, { what: `task ${id} is ${phase}`, timeoutMs }).catch((error: unknown) => {
    throw new Error(`${(error as Error).message}; it is ${JSON.stringify(view)}`, { cause: error });
  });
  return view as TaskView;
}

/** The process that works for a task; waits for one. */
export async function replicatorOf(product: Product, taskId?: string): Promise<number> {
  let found: number | undefined;
  const runs = async () => {
    found = findReplicators(product.server.pid, taskId)[0];
    return found !== undefined;
  };
  await waitUntil(runs, { what: `a replicator of ${taskId ?? 'any task'} runs`, timeoutMs: 60_000 });
  return found as number;
}

/** Drops what begins with the prefix: collections first, then their databases. */
export async function dropAll(side: Side, prefix: string): Promise<void> {
  const { db_names: databases } = await ok('databases', side.sdk.listDatabases());
  for (const database of databases) {
    const { data } = await ok('collections', side.sdk.showCollections({ db_name: database }));
    for (const { name } of data) {
      if (!name.startsWith(prefix) && !database.startsWith(prefix)) continue;
      await ok('drop', side.sdk.dropCollection({ db_name: database, collection_name: name }));
    }
    if (database.startsWith(prefix)) await ok('drop', side.sdk.dropDatabase({ db_name: database }));
  }
}
