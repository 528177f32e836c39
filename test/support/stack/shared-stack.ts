import { readFileSync } from 'node:fs';
import { type Stack, startStack } from './stack.ts';
import type { StackAddresses } from './stack-addresses.ts';

export interface SharedStack {
  readonly addresses: StackAddresses;
  /** Stops the servers, if we started them. */
  release(): Promise<void>;
}

/** The stack of `MILVUS_CDC_STACK_FILE` (see main.ts), which somebody else runs, else one of our own. */
export async function sharedStack(): Promise<SharedStack> {
  const file = process.env['MILVUS_CDC_STACK_FILE'];
  if (file !== undefined && file !== '') {
    return { addresses: readAddresses(file), release: async () => {} };
  }
  const stack: Stack = await startStack();
  return { addresses: stack.addresses, release: () => stack.stop() };
}

function readAddresses(file: string): StackAddresses {
  try {
    const { source, target, dynamodb } = JSON.parse(readFileSync(file, 'utf8')) as StackAddresses;
    return { source, target, dynamodb };
  } catch (cause) {
    const hint =
      'Start a stack with `node test/support/stack/main.ts <file>`, or unset MILVUS_CDC_STACK_FILE.';
    throw new Error(`MILVUS_CDC_STACK_FILE names ${file}, which cannot be read. ${hint}`, { cause });
  }
}
