import {
  InvokeCommand,
  type InvokeCommandOutput,
  LambdaClient,
  LambdaServiceException,
} from '@aws-sdk/client-lambda';
import { z } from 'zod';
import { type ProbeRequest, probeFailure } from './messages.ts';

export interface LambdaProbeOptions {
  readonly client: LambdaClient;
  /** Name or ARN of the Lambda. */
  readonly functionName: string;
  /** What a cold start in the network of the replicators may take beside the check itself. @default 5000 */
  readonly startMs?: number | undefined;
}

/** What was asked about cannot be used, or it could not be found out; the message is one sentence for the user. */
export class CheckError extends Error {
  override readonly name = 'CheckError';
  /** Nobody may connect there, whatever listens. */
  readonly refused: boolean;

  constructor(message: string, refused = false) {
    super(message);
    this.refused = refused;
  }
}

export function createLambdaClient(): LambdaClient {
  return new LambdaClient({
    // A check changes nothing, so it may be asked for again.
    maxAttempts: 2,
    requestHandler: { connectionTimeout: 1_000, requestTimeout: 28_000, throwOnRequestTimeout: true },
  });
}

/** Asks the Lambda `probe` for a check and waits for its answer: the check's budget and the time of a start at most. What is
 *  sent holds credentials and is shown nowhere. Fails with {@link CheckError}. */
export class LambdaProbe {
  readonly #client: LambdaClient;
  readonly #functionName: string;
  readonly #startMs: number;

  constructor({ client, functionName, startMs = 5_000 }: LambdaProbeOptions) {
    this.#client = client;
    this.#functionName = functionName;
    this.#startMs = startMs;
  }

  /** Answers what `facts` reads. */
  async ask<Facts>(request: ProbeRequest, facts: z.ZodType<Facts>): Promise<Facts> {
    const abortSignal = AbortSignal.timeout(Math.ceil(request.budgetMs + this.#startMs));
    const command = new InvokeCommand({
      FunctionName: this.#functionName,
      Payload: Buffer.from(JSON.stringify(request)),
    });
    let answer: InvokeCommandOutput;
    try {
      answer = await this.#client.send(command, { abortSignal });
    } catch (error) {
      throw this.#error(abortSignal.aborted ? 'did not answer in time' : `cannot be asked: ${whyOf(error)}`);
    }
    const text = Buffer.from(answer.Payload ?? []).toString('utf8');
    if (answer.FunctionError !== undefined) throw this.#error(`failed (${typeOf(text)})`);
    const answered = parseJson(text);
    const found = z.object({ facts }).safeParse(answered);
    if (found.success) return found.data.facts;
    const failure = probeFailure.safeParse(answered);
    if (failure.success) throw new CheckError(failure.data.failed, failure.data.refused);
    throw this.#error('is of another release than the API, as while a new one is deployed: try again');
  }

  /** Without the cause: an error of the SDK may hold the request. */
  #error(what: string): CheckError {
    return new CheckError(`the probe function ${this.#functionName} ${what}`);
  }
}

function whyOf(error: unknown): string {
  if (error instanceof LambdaServiceException) return `${error.name}: ${error.message}`;
  return error instanceof Error ? error.name : 'unknown';
}

/** Of the message only the type: the rest may be anything. */
function typeOf(text: string): string {
  const told = parseJson(text);
  const type = typeof told === 'object' && told !== null && 'errorType' in told ? told.errorType : undefined;
  return typeof type === 'string' ? `${type}, its log has more` : 'its log has more';
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
