import { CorruptItemError, NewerItemError, StoreUnavailableError } from '#shared/store/task-store.ts';
import { create } from './create.ts';
import { DecodeError, decodeRequest } from './decode.ts';
import { deleteTask } from './delete.ts';
import type { CdcDeps } from './deps.ts';
import { type Envelope, failure, success } from './envelope.ts';
import { ApiError, sentenceOf } from './errors.ts';
import { get } from './get.ts';
import { goList } from './go-text.ts';
import { type HttpRequest, MAX_BODY_BYTES } from './http-event.ts';
import { list } from './list.ts';
import { maintenance } from './maintenance.ts';
import { BodyError, type ParsedBody, parseBody } from './parse-body.ts';
import { pause } from './pause.ts';
import { position } from './position.ts';
import { isRequestType, REQUESTS, type Request, type RequestType } from './requests.ts';
import { resume } from './resume.ts';

type Handlers = {
  readonly [Type in RequestType]: (deps: CdcDeps, request: Request<Type>) => Promise<object | undefined>;
};

const HANDLERS: Handlers = { create, delete: deleteTask, get, list, maintenance, pause, position, resume };

/** Answers one request: the layers of milvus-cdc in its order (method, body, request type, members, operation), each
 *  with its own prefix. Never fails. */
export async function answer(deps: CdcDeps, request: HttpRequest): Promise<Envelope> {
  if (request.method !== 'POST') return failure(405, 'only support the POST method');
  if (request.tooLarge) {
    return failure(500, `fail to read the request body, error: it has more than ${MAX_BODY_BYTES} bytes`);
  }
  let parsed: ParsedBody;
  try {
    parsed = parseBody(request.body);
  } catch (error) {
    if (!(error instanceof BodyError)) deps.log.error({ err: error }, 'reading a request failed');
    return failure(500, `fail to unmarshal the request, error: ${sentenceOf(error)}`);
  }
  const { type, data } = parsed;
  if (!isRequestType(type)) {
    const types = goList(Object.keys(REQUESTS));
    return failure(400, `invalid 'request_type' param, can be set ${types}`);
  }
  return handle(deps, type, data);
}

async function handle<Type extends RequestType>(deps: CdcDeps, type: Type, data: unknown): Promise<Envelope> {
  try {
    return success(await HANDLERS[type](deps, decodeRequest(type, data)));
  } catch (error) {
    if (error instanceof DecodeError) {
      return failure(500, `fail to decode the ${type} request, error: ${error.message}`);
    }
    if (!(error instanceof ApiError)) deps.log.error({ err: error, requestType: type }, 'a request failed');
    const code = error instanceof ApiError ? error.code : 500;
    return failure(code, `fail to handle the ${type} request, error: ${told(error)}`);
  }
}

/** What nobody expected may say anything, also what is none of the caller's business. */
function told(error: unknown): string {
  const speaks = [ApiError, StoreUnavailableError, NewerItemError, CorruptItemError];
  return speaks.some((kind) => error instanceof kind)
    ? sentenceOf(error)
    : 'internal error, the log of the control plane has more';
}
