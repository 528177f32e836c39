import {
  type LambdaClient,
  PutFunctionConcurrencyCommand,
  ResourceNotFoundException,
} from '@aws-sdk/client-lambda';
import type { Starters } from './ports.ts';

/** Lambdas that may run no more: with a concurrency of 0 each of their invocations is refused, whoever makes it (the
 *  API, ECS's events, the schedule). They end with the stack, so nobody takes it back. */
export class LambdaStarters implements Starters {
  readonly #client: LambdaClient;
  readonly #functions: readonly string[];

  constructor(client: LambdaClient, functions: readonly string[]) {
    this.#client = client;
    this.#functions = functions;
  }

  async silence(): Promise<void> {
    for (const FunctionName of this.#functions) {
      try {
        await this.#client.send(
          new PutFunctionConcurrencyCommand({ FunctionName, ReservedConcurrentExecutions: 0 }),
        );
      } catch (error) {
        // It was never made, or an earlier attempt to delete the stack got as far as this.
        if (!(error instanceof ResourceNotFoundException)) throw error;
      }
    }
  }
}
