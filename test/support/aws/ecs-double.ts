import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { HealthStatus, Tag, Task, TaskDefinition } from '@aws-sdk/client-ecs';
import { RunFolder } from '../stack/run-folder.ts';
import { AwsError } from './ecs/aws-error.ts';
import { Definitions } from './ecs/definitions.ts';
import { Tasks } from './ecs/tasks.ts';
import type { AwsClientConfig } from './ministack.ts';

export interface EcsDoubleOptions {
  /** Program and arguments that stand for the image. @default the container's entry point and command */
  readonly command?: readonly [string, ...string[]] | undefined;
  /** Where it runs. @default an empty folder, one for all */
  readonly cwd?: string | undefined;
  /** The environment that the image brings; the rest of a container's is its definition's, the overrides' and its secrets'.
   *  @default PATH */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** The value behind a `valueFrom`. Where it fails, the task ends without having run. @default it fails */
  readonly secrets?: ((valueFrom: string) => Promise<string>) | undefined;
  /** Told each state change, as EventBridge tells it. */
  readonly onEvent?: ((event: EcsTaskEvent) => void) | undefined;
  /** Runs the containers' health check commands. @default false: only {@link EcsDouble.setHealth} tells */
  readonly runHealthChecks?: boolean | undefined;
  /** How long a stopped task is still described. @default one hour, as ECS does */
  readonly stoppedForMs?: number | undefined;
  readonly region?: string | undefined;
  readonly accountId?: string | undefined;
}

/** An event of EventBridge; `detail` is the task with its times as text. */
export interface EcsTaskEvent {
  readonly version: '0';
  readonly id: string;
  readonly 'detail-type': 'ECS Task State Change';
  readonly source: 'aws.ecs';
  readonly account: string;
  readonly region: string;
  readonly time: string;
  readonly resources: readonly string[];
  readonly detail: Readonly<Record<string, unknown>>;
}

/** What the next request of an operation is answered with instead. */
export type Trouble =
  /** An error of that type; nothing is done. */
  | { readonly kind: 'error'; readonly type: string; readonly message: string; readonly status?: number }
  /** An answer that lists a failure; nothing is done. */
  | { readonly kind: 'failure'; readonly reason: string }
  /** The work is done and the connection is closed without an answer. */
  | { readonly kind: 'lost answer' }
  /** The work is done and the answer comes late. */
  | { readonly kind: 'delay'; readonly ms: number };

export interface EcsDouble extends AsyncDisposable {
  readonly endpoint: string;
  readonly clientConfig: AwsClientConfig;
  /** Every request since the start. */
  readonly requests: readonly {
    readonly operation: string;
    readonly input: Readonly<Record<string, unknown>>;
  }[];
  /** Every task that ECS would still describe, with its tags. */
  readonly tasks: readonly Task[];
  /** What its container has printed. */
  logOf(taskArn: string): string;
  pidOf(taskArn: string): number | undefined;
  /** Ends its process as a crash would. */
  kill(taskArn: string): void;
  setHealth(taskArn: string, health: HealthStatus): void;
  /** Several may wait for one operation: they are used up one by one. */
  troubleNext(operation: string, trouble: Trouble): void;
  /** Takes in a task definition that was registered elsewhere, under its own ARN. */
  adopt(definition: TaskDefinition, tags?: readonly Tag[]): void;
  /** Kills all containers. */
  close(): Promise<void>;
}

const PREFIX = 'AmazonEC2ContainerServiceV20141113.';

/** Starts an ECS (JSON 1.1, Fargate) whose containers are processes of this machine. It is as strict as ECS is documented to
 *  be where a client could lean on a laxer one: filters, limits, forms, missing tasks, client tokens. It checks no signature and no IAM,
 *  knows every cluster, and every task is placed at once. It ends with this process at the latest. */
export async function startEcsDouble(options: EcsDoubleOptions = {}): Promise<EcsDouble> {
  const { region = 'eu-central-1', accountId = '123456789012' } = options;
  const run = new RunFolder();
  const definitions = new Definitions({ region, accountId });
  const tasks = new Tasks({
    definitions,
    region,
    accountId,
    stoppedForMs: options.stoppedForMs ?? 3_600_000,
    host: {
      run,
      command: options.command,
      cwd: options.cwd ?? emptyFolder(run),
      env: options.env ?? { PATH: process.env['PATH'] ?? '' },
      secrets: options.secrets ?? (() => Promise.reject(new Error('ResourceNotFoundException'))),
      runHealthChecks: options.runHealthChecks ?? false,
      onChange: (task) => options.onEvent?.(eventOf(task, { region, accountId })),
    },
  });
  const server = new EcsServer(definitions, tasks);
  const endpoint = await server.listen();
  const close = async () => {
    for (const task of tasks.all) task.kill();
    await server.close();
    await run.remove();
  };
  return {
    endpoint,
    clientConfig: { endpoint, region, credentials: { accessKeyId: accountId, secretAccessKey: 'test' } },
    requests: server.requests,
    get tasks() {
      return tasks.all.map(({ task }) => task);
    },
    logOf: (arn) => read(tasks.get(arn).logFile),
    pidOf: (arn) => tasks.get(arn).pid,
    kill: (arn) => tasks.get(arn).kill(),
    setHealth: (arn, health) => tasks.setHealth(arn, health),
    troubleNext: (operation, trouble) => server.troubles.push({ operation, trouble }),
    adopt: (definition, tags) => definitions.adopt(definition, tags),
    close,
    [Symbol.asyncDispose]: close,
  };
}

// biome-ignore lint/suspicious/noExplicitAny: the inputs are the SDK's, which has checked their types
type Operation = (input: any) => object;

/** The protocol: one path, the operation in a header. */
class EcsServer {
  readonly requests: { operation: string; input: Record<string, unknown> }[] = [];
  readonly troubles: { operation: string; trouble: Trouble }[] = [];
  readonly #operations: Readonly<Record<string, Operation>>;
  readonly #server = createServer((request, response) => {
    this.#serve(request, response).catch(() => response.destroy());
  });

  constructor(definitions: Definitions, tasks: Tasks) {
    const afterwards = (work: Operation): Operation => {
      return (input) => {
        definitions.forgetDeleted((arn) => tasks.uses(arn));
        return work(input);
      };
    };
    this.#operations = {
      RegisterTaskDefinition: (input) => definitions.register(input),
      DescribeTaskDefinition: (input) => definitions.describe(input),
      ListTaskDefinitions: afterwards((input) => definitions.list(input)),
      ListTaskDefinitionFamilies: afterwards((input) => definitions.listFamilies(input)),
      DeregisterTaskDefinition: (input) => definitions.deregister(input),
      DeleteTaskDefinitions: (input) => definitions.delete(input),
      RunTask: (input) => tasks.run(input),
      StopTask: (input) => tasks.stop(input),
      DescribeTasks: (input) => tasks.describe(input),
      ListTasks: (input) => tasks.list(input),
    };
  }

  async listen(): Promise<string> {
    this.#server.listen({ host: '127.0.0.1', port: 0 });
    await once(this.#server, 'listening');
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = Buffer.concat(await request.toArray()).toString();
    const operation = String(request.headers['x-amz-target']).replace(PREFIX, '');
    try {
      if (request.headers.authorization === undefined) {
        throw new AwsError('MissingAuthenticationTokenException', 'Missing Authentication Token');
      }
      const input = JSON.parse(body) as Record<string, unknown>;
      this.requests.push({ operation, input });
      const trouble = this.#takeTrouble(operation);
      const answer = this.#answer(operation, input, trouble);
      if (trouble?.kind === 'lost answer') return void response.destroy();
      if (trouble?.kind === 'delay') await sleep(trouble.ms);
      send(response, 200, answer);
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      send(response, error.status, { __type: error.name, message: error.message, ...error.extra });
    }
  }

  #answer(operation: string, input: object, trouble: Trouble | undefined): object {
    if (trouble?.kind === 'error') {
      throw new AwsError(trouble.type, trouble.message, { status: trouble.status ?? 400 });
    }
    if (trouble?.kind === 'failure') return { tasks: [], failures: [{ reason: trouble.reason }] };
    const work = this.#operations[operation];
    if (work === undefined) throw new AwsError('UnknownOperationException', operation);
    return work(input);
  }

  #takeTrouble(operation: string): Trouble | undefined {
    const at = this.troubles.findIndex((waiting) => waiting.operation === operation);
    return at < 0 ? undefined : this.troubles.splice(at, 1)[0]?.trouble;
  }
}

function send(response: ServerResponse, status: number, answer: object): void {
  response.writeHead(status, {
    'content-type': 'application/x-amz-json-1.1',
    'x-amzn-requestid': randomUUID(),
  });
  response.end(JSON.stringify(answer, timesAsSeconds));
}

/** JSON 1.1 writes times as seconds; `this` still holds what `JSON.stringify` has made a text of. */
function timesAsSeconds(this: unknown, key: string, value: unknown): unknown {
  const raw = (this as Record<string, unknown>)[key];
  return raw instanceof Date ? raw.getTime() / 1_000 : value;
}

function eventOf(task: Task, { region, accountId }: { region: string; accountId: string }): EcsTaskEvent {
  const { tags: _, ...detail } = task;
  return {
    version: '0',
    id: randomUUID(),
    'detail-type': 'ECS Task State Change',
    source: 'aws.ecs',
    account: accountId,
    region,
    time: new Date().toISOString(),
    resources: [task.taskArn ?? ''],
    detail: JSON.parse(JSON.stringify(detail)) as Record<string, unknown>,
  };
}

function emptyFolder(run: RunFolder): string {
  const folder = join(run.path, 'image');
  mkdirSync(folder);
  return folder;
}

function read(file: string | undefined): string {
  return file === undefined ? '' : readFileSync(file, 'utf8');
}
