import type { APIGatewayProxyEventV2, APIGatewayProxyResult, Context } from 'aws-lambda';
import { pino } from 'pino';
import { z } from 'zod';
import type { SecretReferences } from '#shared/secrets/secret-references.ts';
import type { SecretStore, TargetSecret } from '#shared/secrets/secret-store.ts';
import type { TaskStore } from '#shared/store/task-store.ts';
import type { LogRetention } from '#shared/task/retention.ts';
import type { ScopePattern } from '#shared/task/scope.ts';
import type { TargetConnection } from '#shared/task/task.ts';
import { ANSWERS } from '../../../functions/cdc/answers.ts';
import type { CdcDeps, CdcSettings } from '../../../functions/cdc/deps.ts';
import { createHandler } from '../../../functions/cdc/handler.ts';
import { parseBody } from '../../../functions/cdc/parse-body.ts';
import { isRequestType } from '../../../functions/cdc/requests.ts';
import {
  type SourceFacts,
  type SourceProbe,
  SourceProbeError,
} from '../../../functions/probe/source-probe.ts';
import { type TargetProbe, TargetProbeError } from '../../../functions/probe/target-probe.ts';
import { reconcileTask } from '../../../functions/reconcile/reconciler.ts';
import { SimulatedFleet } from './simulated-fleet.ts';

export interface Stores {
  readonly tasks: TaskStore;
  readonly secrets: SecretStore;
  /** Undoes what opening them did. */
  close(): Promise<void>;
}

/** Opens empty stores; `now` is the world's clock. */
export type MakeStores = (now: () => number) => Promise<Stores>;

export interface Answer {
  readonly code: number;
  readonly message?: string;
  readonly data?: Record<string, unknown>;
}

export interface Sent {
  readonly method?: string | undefined;
  readonly headers?: Record<string, string> | undefined;
}

/** The real handler and the real reconciler over real stores; simulated are the replicators, the target and time. */
export class World {
  readonly tasks: TaskStore;
  readonly secrets: SecretStore;
  readonly fleet: SimulatedFleet;
  readonly probe = new FakeProbe();
  readonly sourceProbe = new FakeSourceProbe();
  /** Every line that was logged. */
  readonly logged: string[] = [];
  settings: CdcSettings = {
    maxTasks: 100,
    maxNameLength: 256,
    replicateChannel: 'by-dev-replicate-msg',
    oneCollectionPerTask: false,
    showStatus: true,
    allowedTargets: [],
  };
  /** As on one machine; a test may set one. */
  secretReferences: SecretReferences | undefined;
  level = 'info';
  now = Date.parse('2030-01-01T00:00:00Z');
  readonly #stores: Stores;
  #ids = 0;

  private constructor(stores: Stores, clock: { world?: World }) {
    clock.world = this;
    this.#stores = stores;
    this.tasks = stores.tasks;
    this.secrets = stores.secrets;
    this.fleet = new SimulatedFleet(
      () => this.tasks,
      () => this.now,
    );
  }

  static async open(makeStores: MakeStores): Promise<World> {
    const clock: { world?: World } = {};
    const stores = await makeStores(() => clock.world?.now ?? 0);
    return new World(stores, clock);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stores.close();
  }

  get deps(): CdcDeps {
    return {
      tasks: this.tasks,
      secrets: this.secrets,
      secretReferences: this.secretReferences,
      probe: this.probe,
      sourceProbe: this.sourceProbe,
      clock: {
        now: () => this.now,
        monotonic: () => this.now,
        sleep: async (ms) => {
          this.now += Math.max(1, Math.ceil(ms));
        },
      },
      log: this.log,
      settings: this.settings,
      reconcile: (id) => this.reconcile(id),
      readPem: async (path) => {
        if (!path.startsWith('/pem/')) throw new Error('there is no readable PEM file at that path');
        return `-----BEGIN ${path}-----`;
      },
      randomId: () => (++this.#ids).toString(16).padStart(32, '0'),
      setLogLevel: (level) => {
        this.level = level;
      },
      logsOf: (id) => `/logs/${id}.log`,
    };
  }

  readonly log = pino({ level: 'trace' }, { write: (line: string) => void this.logged.push(line) });

  async reconcile(id: string): Promise<void> {
    const { tasks, fleet, secrets, log } = this;
    await reconcileTask({ tasks, fleet, secrets, log, now: () => this.now }, id);
  }

  /** Sends a body as it is; answers HTTP's side of it. */
  async send(body: string | undefined, sent: Sent = {}): Promise<APIGatewayProxyResult> {
    return createHandler(this.deps)(httpEvent(body, sent), {} as Context);
  }

  /** What a success says is held to the schema that the OpenAPI document shows. */
  async post(body: string): Promise<Answer> {
    const { body: text } = await this.send(body);
    const answer = JSON.parse(text) as Answer;
    if (answer.code === 200) checkAnswer(parseBody(body).type, answer);
    return answer;
  }

  call(type: string, data?: unknown): Promise<Answer> {
    return this.post(JSON.stringify({ request_type: type, request_data: data }));
  }

  /** A create on {@link TARGET}; answers the task's id. */
  async create(data: object): Promise<string> {
    const answer = await this.call('create', { milvus_connect_param: TARGET, ...data });
    if (answer.code !== 200) throw new Error(answer.message);
    return String(answer.data?.['task_id']);
  }

  async get(id: string): Promise<Record<string, unknown>> {
    const { data } = await this.call('get', { task_id: id });
    return data?.['task'] as Record<string, unknown>;
  }
}

export const TARGET = { uri: 'http://t:19530' };

function checkAnswer(type: string, { data }: Answer): void {
  if (!isRequestType(type)) throw new Error(`a success of ${type}`);
  const schema = ANSWERS[type] ?? z.undefined();
  const checked = schema.safeParse(data);
  if (!checked.success)
    throw new Error(`the answer of ${type} is not as documented: ${checked.error.message}`);
}

/** What `create` was refused with. */
export function createError(code: number, message: string): Answer {
  return { code, message: `fail to handle the create request, error: ${message}` };
}

class FakeProbe implements TargetProbe {
  /** Fails every check with this sentence. */
  failure: string | undefined;
  readonly checked: { target: TargetConnection; secret: TargetSecret | undefined; budgetMs: number }[] = [];

  async check(
    target: TargetConnection,
    secret: TargetSecret | undefined,
    budgetMs: number,
  ): Promise<{ readonly version: string }> {
    this.checked.push({ target, secret, budgetMs });
    if (this.failure !== undefined) throw new TargetProbeError(this.failure);
    return { version: 'v2.3.5' };
  }
}

class FakeSourceProbe implements SourceProbe {
  /** Fails every check with this sentence. */
  failure: string | undefined;
  facts: SourceFacts = { version: '2.3.5', collections: [], warnings: [] };
  readonly checked: { patterns: readonly ScopePattern[]; budgetMs: number }[] = [];

  async check(patterns: readonly ScopePattern[], budgetMs: number): Promise<SourceFacts> {
    this.checked.push({ patterns, budgetMs });
    if (this.failure !== undefined) throw new SourceProbeError(this.failure);
    return this.facts;
  }

  async retention(): Promise<LogRetention> {
    return { ms: null, bytes: null };
  }
}

/** An event of an HTTP API. */
export function httpEvent(
  body: string | undefined,
  { method = 'POST', headers = {} }: Sent,
): APIGatewayProxyEventV2 {
  return {
    version: '2.0',
    routeKey: 'ANY /cdc',
    rawPath: '/cdc',
    rawQueryString: '',
    headers,
    requestContext: {
      accountId: '1',
      apiId: 'a',
      domainName: 'd',
      domainPrefix: 'd',
      http: { method, path: '/cdc', protocol: 'HTTP/1.1', sourceIp: '127.0.0.1', userAgent: 'test' },
      requestId: 'r',
      routeKey: 'ANY /cdc',
      stage: '$default',
      time: '',
      timeEpoch: 0,
    },
    ...(body === undefined ? {} : { body }),
    isBase64Encoded: false,
  };
}
