import { MilvusClient } from '@zilliz/milvus2-sdk-node';

/** Milvus's answer to a call, in the parts that tell whether it worked. */
interface Status {
  readonly code?: number | undefined;
  readonly error_code?: string | number | undefined;
  readonly reason?: string | undefined;
}

/** No ordinary call of a test takes longer on a healthy server. */
const TIMEOUT_MS = 30_000;

/** The SDK's client with its traps defused: its own retries hang on a server that is away, and its telemetry speaks
 *  to the server unasked.
 *  @param address `host:port`, without TLS or login */
export async function connectMilvus(address: string): Promise<MilvusClient> {
  const client = new MilvusClient({
    address,
    maxRetries: 0,
    timeout: TIMEOUT_MS,
    logLevel: 'error',
    telemetry: { enabled: false },
  });
  await client.connectPromise;
  return client;
}

/** A call that Milvus answered with an error. */
export class MilvusError extends Error {
  override readonly name = 'MilvusError';
  /** Milvus's own code; 0 where an old server gives only a name. */
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/** Passes a successful answer on, and throws {@link MilvusError} for any other: the SDK throws for neither. */
export async function ok<T extends Status | { readonly status: Status }>(
  what: string,
  call: Promise<T>,
): Promise<T> {
  const answer = await call;
  const status: Status = 'status' in answer ? answer.status : answer;
  const { code = 0, error_code: name, reason } = status;
  if (code !== 0 || (name !== undefined && name !== 'Success' && name !== 0)) {
    throw new MilvusError(code, `${what}: ${reason ?? ''} (${name ?? ''}, code ${code})`);
  }
  return answer;
}
