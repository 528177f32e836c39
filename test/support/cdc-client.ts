import type { Sign } from '#shared/aws/sigv4.ts';

/** A collection of a task as `create` takes it and `get` shows it; `*` stands for all. */
export interface CollectionChoice {
  readonly name: string;
  readonly positions?: Readonly<Record<string, string>> | null | undefined;
  readonly use_start_position?: boolean | undefined;
}

/** `request_data` of `create`; see functions/cdc/API.md. Keys as on the wire. */
export interface CreateRequest {
  readonly task_id?: string | undefined;
  readonly milvus_connect_param: {
    readonly uri: string;
    readonly token?: string | undefined;
    readonly connect_timeout?: number | undefined;
    readonly ignore_partition?: boolean | undefined;
  };
  readonly collection_infos?: readonly CollectionChoice[] | undefined;
  readonly db_collections?: Readonly<Record<string, readonly CollectionChoice[]>> | undefined;
  readonly name_mapping?:
    | readonly {
        readonly source_db: string;
        readonly target_db: string;
        readonly collection_mapping?: Readonly<Record<string, string>> | undefined;
      }[]
    | undefined;
  readonly extra_info?: { readonly enable_user_role?: boolean | undefined } | undefined;
  readonly disable_auto_start?: boolean | undefined;
}

/** A task as `get` and `list` show it. */
export interface TaskView {
  readonly task_id: string;
  readonly state: string;
  readonly reason?: string | undefined;
  readonly collection_infos?: readonly CollectionChoice[] | null | undefined;
  readonly db_collections?: Readonly<Record<string, readonly CollectionChoice[]>> | null | undefined;
  /** Ours adds it; milvus-cdc has none. */
  readonly status?: TaskStatus | undefined;
}

/** The part of the additive `status` that tests read. */
export interface TaskStatus {
  readonly phase: string;
  readonly reason?: { readonly code: string; readonly message: string } | null | undefined;
  /** In `get` only. */
  readonly collections?: readonly { readonly source: string; readonly state: string }[] | undefined;
  readonly [key: string]: unknown;
}

export interface PositionItem {
  readonly collection_id: number;
  readonly channel_name: string;
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly tt: number;
  readonly msg_id: string;
}

export interface PositionView {
  readonly positions: readonly PositionItem[] | null;
  readonly op_positions: readonly PositionItem[] | null;
  readonly target_positions: readonly PositionItem[] | null;
}

/** The server answered, and the answer is an error. */
export class CdcError extends Error {
  override readonly name = 'CdcError';
  /** The `code` of the envelope: 400, 405 or 500. */
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

interface Envelope {
  readonly code: number;
  readonly message?: string;
  readonly data?: unknown;
}

/** Longer than the server may take over a pause or a delete. */
const TIMEOUT_MS = 60_000;

/** Speaks the `/cdc` API, ours and milvus-cdc's alike. Every call fails with {@link CdcError} for an error the server
 *  told, and with whatever `fetch` throws when there was no answer. */
export class CdcClient {
  readonly #url: URL;
  readonly #sign: Sign | undefined;

  /** @param url of the API, e.g. `http://127.0.0.1:8444/cdc`
   *  @param sign for an API behind IAM */
  constructor(url: string, sign?: Sign) {
    this.#url = new URL(url);
    this.#sign = sign;
  }

  /** Answers the task's id. */
  async create(request: CreateRequest): Promise<string> {
    const { task_id: id } = (await this.#call('create', request)) as { task_id: string };
    return id;
  }

  async list(): Promise<readonly TaskView[]> {
    const { tasks } = (await this.#call('list', {})) as { tasks: readonly TaskView[] };
    return tasks;
  }

  async get(id: string): Promise<TaskView> {
    const { task } = (await this.#call('get', { task_id: id })) as { task: TaskView };
    return task;
  }

  async pause(id: string): Promise<void> {
    await this.#call('pause', { task_id: id });
  }

  async resume(id: string): Promise<void> {
    await this.#call('resume', { task_id: id });
  }

  async delete(id: string): Promise<void> {
    await this.#call('delete', { task_id: id });
  }

  async position(id: string): Promise<PositionView> {
    return (await this.#call('position', { task_id: id })) as PositionView;
  }

  async #call(type: string, data: unknown): Promise<unknown> {
    const body = Buffer.from(JSON.stringify({ request_type: type, request_data: data }));
    const request = { method: 'POST', url: this.#url, headers: { 'content-type': 'application/json' }, body };
    const headers = this.#sign === undefined ? request.headers : await this.#sign(request);
    const response = await fetch(this.#url, {
      ...{ method: 'POST', headers, body },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const envelope = (await response.json()) as Envelope;
    if (envelope.code !== 200) throw new CdcError(envelope.code, envelope.message ?? '(no message)');
    return envelope.data;
  }
}
