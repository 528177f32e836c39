import type { TestProject } from 'vitest/node';
import { type SharedStack, sharedStack } from './shared-stack.ts';
import type { StackAddresses } from './stack-addresses.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The stack that all tests of a run share: `inject('stack')`. A test that breaks servers starts its own. */
    stack: StackAddresses;
  }
}

interface Shared {
  users: number;
  readonly stack: Promise<SharedStack>;
}

/** vitest loads this module once per project, in one process; the stack is one for all of them. */
const holder = globalThis as { milvusCdcStack?: Shared | undefined };

/** Starts the shared stack for the integration and e2e tests, or joins the one of another project of this run. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const shared = holder.milvusCdcStack ?? { users: 0, stack: sharedStack() };
  holder.milvusCdcStack = shared;
  shared.users += 1;
  const { addresses, release } = await shared.stack;
  project.provide('stack', addresses);
  return async () => {
    shared.users -= 1;
    if (shared.users > 0) return;
    holder.milvusCdcStack = undefined;
    await release();
  };
}
