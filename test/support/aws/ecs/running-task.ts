import type {
  ContainerDefinition,
  HealthCheck,
  HealthStatus,
  RunTaskCommandInput,
  Tag,
  Task,
  TaskStopCode,
} from '@aws-sdk/client-ecs';
import type { RunFolder } from '../../stack/run-folder.ts';
import { ContainerProcess } from './container.ts';
import type { StoredDefinition } from './definitions.ts';

type Command = readonly [string, ...string[]];

/** Where tasks run. */
export interface TaskHost {
  readonly run: RunFolder;
  /** Stands for the image: what runs, where, and the environment it brings. */
  readonly command: Command | undefined;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly secrets: (valueFrom: string) => Promise<string>;
  readonly runHealthChecks: boolean;
  readonly onChange: (task: Task) => void;
}

interface Parts {
  /** What ARNs begin with. */
  readonly place: string;
  readonly cluster: string;
  readonly id: string;
  readonly input: RunTaskCommandInput;
  readonly definition: StoredDefinition;
  readonly host: TaskHost;
}

/** One task from PROVISIONING to STOPPED; only its first container runs. */
export class RunningTask {
  readonly arn: string;
  readonly family: string;
  readonly #parts: Parts;
  readonly #definition: ContainerDefinition;
  readonly #stopped = new AbortController();
  #task: Task;
  #container: ContainerProcess | undefined;

  constructor(parts: Parts) {
    const { place, cluster, id, definition } = parts;
    const [container] = definition.definition.containerDefinitions ?? [];
    if (container === undefined) throw new Error('a task definition without a container');
    this.#parts = parts;
    this.#definition = container;
    this.arn = `${place}:task/${cluster}/${id}`;
    this.family = definition.family;
    this.#task = firstState(parts, this.arn, container);
  }

  /** As DescribeTasks with TAGS shows it. */
  get task(): Task {
    return this.#task;
  }

  get logFile(): string | undefined {
    return this.#container?.logFile;
  }

  get pid(): number | undefined {
    return this.#container?.pid;
  }

  /** Starts it; never fails, what goes wrong is its end. */
  begin(): void {
    this.#change({});
    this.#start().catch((error: unknown) => {
      this.#end({
        stopCode: 'TaskFailedToStart',
        stoppedReason: `CannotStartContainerError: ${String(error)}`,
      });
    });
  }

  stop(stopCode: TaskStopCode, stoppedReason: string): void {
    if (this.#task.desiredStatus === 'STOPPED') return;
    this.#change({ desiredStatus: 'STOPPED', stopCode, stoppedReason, stoppingAt: new Date() });
    if (this.#container !== undefined) this.#container.stop();
  }

  /** Ends its process as a crash of the host or the kernel would. */
  kill(): void {
    this.#container?.kill();
  }

  setHealth(healthStatus: HealthStatus): void {
    if (this.#task.healthStatus !== healthStatus) this.#change({ healthStatus });
  }

  async #start(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.#change({ lastStatus: 'PENDING' });
    const env = await this.#environment();
    // Stopped before it ran.
    if (env === undefined || this.#task.desiredStatus === 'STOPPED') return this.#end({});
    const { run, cwd, command } = this.#parts.host;
    const container = new ContainerProcess({
      name: this.#parts.id,
      run,
      command: command ?? imageCommand(this.#definition),
      cwd,
      env,
      stopTimeoutSeconds: this.#definition.stopTimeout ?? 30,
    });
    this.#container = container;
    this.#change({ lastStatus: 'RUNNING', startedAt: new Date() });
    this.#watchHealth(container);
    const exitCode = await container.exitCode;
    this.#end({}, exitCode);
  }

  /** Undefined when a secret cannot be read: then the task ends without having run. */
  async #environment(): Promise<Record<string, string> | undefined> {
    const { host, input } = this.#parts;
    const { environment = [], secrets = [], name } = this.#definition;
    const overrides = input.overrides?.containerOverrides?.filter((override) => override.name === name) ?? [];
    const given = [...environment, ...overrides.flatMap((override) => override.environment ?? [])];
    const env: Record<string, string> = { ...host.env };
    for (const variable of given) env[variable.name ?? ''] = variable.value ?? '';
    try {
      for (const secret of secrets) env[secret.name ?? ''] = await host.secrets(secret.valueFrom ?? '');
      return env;
    } catch (error) {
      const stoppedReason = `ResourceInitializationError: unable to pull secrets or registry auth: ${String(error)}`;
      this.#change({ stopCode: 'TaskFailedToStart', stoppedReason });
      return undefined;
    }
  }

  #watchHealth(container: ContainerProcess): void {
    const check = this.#definition.healthCheck;
    if (check === undefined || !this.#parts.host.runHealthChecks) return;
    void watchHealth(check, container, this.#stopped.signal, (health) => this.setHealth(health));
  }

  #end(why: Partial<Task>, exitCode?: number): void {
    this.#stopped.abort();
    const containers = this.#task.containers?.map((container) => ({
      ...container,
      lastStatus: 'STOPPED',
      ...(exitCode === undefined ? {} : { exitCode }),
    }));
    this.#change({
      stopCode: 'EssentialContainerExited',
      stoppedReason: 'Essential container in task exited',
      ...defined({ stopCode: this.#task.stopCode, stoppedReason: this.#task.stoppedReason }),
      ...why,
      containers,
      desiredStatus: 'STOPPED',
      lastStatus: 'STOPPED',
      stoppedAt: new Date(),
    });
  }

  #change(members: Partial<Task>): void {
    this.#task = { ...this.#task, ...members, version: (this.#task.version ?? 0) + 1 };
    this.#parts.host.onChange(this.#task);
  }
}

function firstState(
  { place, cluster, input, definition }: Parts,
  arn: string,
  container: ContainerDefinition,
): Task {
  const managed: Tag[] = input.enableECSManagedTags ? [{ key: 'aws:ecs:clusterName', value: cluster }] : [];
  const propagated = input.propagateTags === 'TASK_DEFINITION' ? definition.tags : [];
  return {
    taskArn: arn,
    clusterArn: `${place}:cluster/${cluster}`,
    taskDefinitionArn: definition.arn,
    group: input.group ?? `family:${definition.family}`,
    lastStatus: 'PROVISIONING',
    desiredStatus: 'RUNNING',
    healthStatus: 'UNKNOWN',
    createdAt: new Date(),
    containers: [{ name: container.name, image: container.image, taskArn: arn, lastStatus: 'PENDING' }],
    overrides: input.overrides ?? { containerOverrides: [] },
    startedBy: input.startedBy,
    launchType: 'FARGATE',
    capacityProviderName: input.capacityProviderStrategy?.[0]?.capacityProvider,
    cpu: definition.definition.cpu,
    memory: definition.definition.memory,
    tags: [...propagated, ...(input.tags ?? []), ...managed],
  };
}

function imageCommand({ entryPoint = [], command = [] }: ContainerDefinition): Command {
  const [program, ...args] = [...entryPoint, ...command];
  if (program === undefined) throw new Error('neither the container nor the double says what to run');
  return [program, ...args];
}

/** UNHEALTHY after so many failures in a row, which do not count while the container starts. */
async function watchHealth(
  check: HealthCheck,
  container: ContainerProcess,
  signal: AbortSignal,
  tell: (health: HealthStatus) => void,
): Promise<void> {
  const { command = [], interval = 30, timeout = 5, retries = 3, startPeriod = 0 } = check;
  const [kind, ...rest] = command;
  const [program = '/bin/true', ...args] = kind === 'CMD-SHELL' ? ['/bin/sh', '-c', rest.join(' ')] : rest;
  const begun = performance.now();
  let failures = 0;
  while (!signal.aborted) {
    await new Promise((resolve) => setTimeout(resolve, interval * 1_000).unref());
    if (signal.aborted) return;
    if (await container.check([program, ...args], timeout * 1_000)) {
      failures = 0;
      tell('HEALTHY');
    } else if (performance.now() - begun >= startPeriod * 1_000) {
      failures += 1;
      if (failures >= retries) tell('UNHEALTHY');
    }
  }
}

function defined<T extends object>(members: T): Partial<T> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as Partial<T>;
}
