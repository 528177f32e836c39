import {
  create,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import { TargetRefusedError, TargetUnavailableError } from '../target.ts';
import { codeOf, GRPC_STATUS, grpcCode, MILVUS_CODE, type MilvusStatus } from './codes.ts';
import { CallError, Connection, type ConnectionOptions } from './connection.ts';

export interface ApiOptions extends ConnectionOptions {
  /** How long one call may take. */
  readonly callTimeoutMs: number;
}

/** A call's name with the messages it takes and gives. */
export interface Method<Request extends DescMessage, Response extends DescMessage> {
  readonly name: string;
  readonly request: Request;
  readonly response: Response;
}

/** gRPC's refusals: asked again, the answer would be the same. */
const REFUSED_BY_GRPC: ReadonlySet<number> = new Set([
  GRPC_STATUS.permissionDenied,
  GRPC_STATUS.unimplemented,
  GRPC_STATUS.unauthenticated,
]);

/** Calls of the target's API that are not writes: one connection, protobuf in and out, errors as the port has them. */
export class MilvusApi {
  readonly #connection: Connection;
  readonly #timeoutMs: number;

  constructor(options: ApiOptions) {
    this.#connection = new Connection(options);
    this.#timeoutMs = options.callTimeoutMs;
  }

  /** Fails with TargetUnavailableError or TargetRefusedError, also when the answer carries a failed status. */
  async call<Request extends DescMessage, Response extends DescMessage>(
    method: Method<Request, Response>,
    input: MessageInitShape<Request>,
  ): Promise<MessageShape<Response>> {
    const request = Buffer.from(toBinary(method.request, create(method.request, input)));
    const answer = await this.#send(method.name, request);
    const response = decode(method, answer);
    const status = statusOf(response);
    const code = codeOf(status);
    if (code !== MILVUS_CODE.ok) throw failure(method.name, code, status);
    return response;
  }

  close(): void {
    this.#connection.reset();
  }

  async #send(name: string, request: Buffer): Promise<Buffer> {
    try {
      return await this.#connection.call(name, request, this.#timeoutMs);
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      const message = `${name}: ${error.message}`;
      if (REFUSED_BY_GRPC.has(error.status)) {
        throw new TargetRefusedError(grpcCode(error.status), message, { cause: error });
      }
      throw new TargetUnavailableError(message, { cause: error });
    }
  }
}

function decode<Response extends DescMessage>(
  { name, response }: Method<DescMessage, Response>,
  answer: Buffer,
): MessageShape<Response> {
  try {
    return fromBinary(response, answer);
  } catch (cause) {
    throw new TargetUnavailableError(`${name}: the answer cannot be read`, { cause });
  }
}

/** Every answer is a Status or has one as its field `status`. */
function statusOf(response: object): MilvusStatus | undefined {
  if ('status' in response) return response.status as MilvusStatus | undefined;
  return 'errorCode' in response ? (response as MilvusStatus) : undefined;
}

function failure(name: string, code: number, status: MilvusStatus | undefined): Error {
  const message = `${name}: ${status?.reason ?? ''}`;
  return status?.retriable === true || isPassing(code)
    ? new TargetUnavailableError(`${message} (code ${code})`)
    : new TargetRefusedError(code, message);
}

/** Codes that speak of the server's state, not of the request: the service itself (1 to 99), a collection or partition that is
 *  being loaded (103, 106, 202), channels (500s), nodes (900s), storage (1000s). */
function isPassing(code: number): boolean {
  const loading = code === 103 || code === 106 || code === 202;
  return code < 100 || loading || (code >= 500 && code < 600) || (code >= 900 && code < 1_100);
}

/** Runs a call that may be refused with one of these codes, which is then answered with `undefined`. */
export async function unless<T>(codes: readonly number[], call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof TargetRefusedError && codes.includes(error.code)) return undefined;
    throw error;
  }
}

/** Runs a call that creates something. When it fails and the thing is there all the same, that is success: somebody was
 *  quicker, or the answer was lost. Codes do not tell: servers give `unexpected` for "exists already". */
export async function orThere(call: Promise<unknown>, isThere: () => Promise<boolean>): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (!(await isThere().catch(() => false))) throw error;
  }
}
