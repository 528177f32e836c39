import { CdcError, type Code } from '#shared/errors.ts';
import type { Logger } from '#shared/log.ts';
import type { TaskObject } from '#shared/task/run.ts';
import { definitionOf, mismatch } from '../engine/definition.ts';
import { planObject, type Step } from '../engine/object-plan.ts';
import type { Committed } from '../engine/progress.ts';
import type { ChangeSource } from '../source/change-source.ts';
import { SourceUnavailableError } from '../source/change-source.ts';
import { type Target, TargetRefusedError, TargetUnavailableError } from '../target/target.ts';
import { Backoff } from './backoff.ts';
import { type Clock, sleep } from './clock.ts';
import type { FollowedCollection } from './collection.ts';
import type { Settings } from './settings.ts';
import type { JobStatus } from './status.ts';

export interface ObjectActorOptions {
  readonly collection: FollowedCollection;
  readonly target: Target;
  readonly source: ChangeSource;
  readonly clock: Clock;
  readonly settings: Settings;
  readonly status: JobStatus;
  readonly log: Logger;
  readonly ignorePartitions: boolean;
  /** Resolves when the target may be changed: the lease has room, and what a predecessor sent has settled. */
  readonly permit: (signal: AbortSignal) => Promise<void>;
  readonly committedOf: (channel: string) => Committed | undefined;
  /** True while another collection still holds this one's name on the target. */
  readonly nameTaken: () => boolean;
  /** Resolves once the collection's database is on the target, or the source has dropped the collection. */
  readonly databaseReady: (signal: AbortSignal) => Promise<void>;
  readonly onReady: () => void;
  readonly onQuarantine: (code: Code, message: string) => Promise<void>;
  /** The collection is gone from the source and from the target. */
  readonly onGone: () => Promise<void>;
}

/** Codes of refusals that may pass: Milvus's for a failure it has no other code for, which covers states such as too few
 *  nodes being up, and its code for a database that is not there, which somebody else may have dropped just now. */
const PASSING: ReadonlySet<number> = new Set([65_535, 800]);

/** Keeps the objects of one collection on the target as the source's catalog has them: the collection itself, its
 *  partitions, indexes and load state, and in the end its drop. Level-triggered: it looks at both sides whenever
 *  something may have changed, and now and then without a reason.
 *
 *  **Invariant:** nothing is dropped by name alone: the id under the name is compared just before, and creation and drop
 *  are written down before the target is asked. See SPEC.md I11. */
export class ObjectActor {
  readonly #options: ObjectActorOptions;

  constructor(options: ObjectActorOptions) {
    this.#options = options;
  }

  /** Works until the collection is gone or the signal aborts; a quarantined one is only waited for to be dropped. */
  async run(signal: AbortSignal): Promise<void> {
    const { collection, clock, settings, status, log } = this.#options;
    const backoff = new Backoff({ clock });
    let refusals = 0;
    const part = `collection ${collection.id}`;
    try {
      while (!signal.aborted) {
        try {
          if (collection.quarantine !== undefined && !collection.dropped) {
            await collection.wake.wait(signal);
            continue;
          }
          if (await this.#step(signal)) return;
          status.clear(part);
          backoff.reset();
          refusals = 0;
          await collection.wake.wait(signal, { clock, ms: settings.resyncMs });
        } catch (error) {
          if (signal.aborted) return;
          const away =
            error instanceof TargetUnavailableError ||
            error instanceof SourceUnavailableError ||
            (error instanceof TargetRefusedError && PASSING.has(error.code) && ++refusals < 6);
          if (!away) {
            await this.#giveUp(error);
            continue;
          }
          const code = error instanceof SourceUnavailableError ? 'source_unavailable' : 'target_unavailable';
          log.warn({ err: error, collection: collection.target }, 'object not kept yet; trying again');
          status.trouble(part, code, error.message);
          // A call that failed may still be executed; the next look has to see its effect.
          await sleep(clock, settings.settleMs, signal).catch(() => undefined);
          if (!signal.aborted) await backoff.wait(signal).catch(() => undefined);
        }
      }
    } finally {
      status.clear(part);
    }
  }

  async #giveUp(error: unknown): Promise<void> {
    const { collection, onQuarantine } = this.#options;
    if (error instanceof CdcError && error.code !== 'lease_lost')
      return onQuarantine(error.code, error.message);
    if (error instanceof TargetRefusedError) {
      const { database, collection: name } = collection.target;
      return onQuarantine(
        'target_refused',
        `the target refuses ${database}.${name}: ${error.message} (code ${error.code})`,
      );
    }
    throw error;
  }

  /** Answers true when the collection is gone. */
  async #step(signal: AbortSignal): Promise<boolean> {
    const { collection } = this.#options;
    if (collection.record.value.state === 'dropping' || collection.dropped) return this.#drop(signal);
    if (collection.catalog?.state !== 'created') return false;
    if (!collection.ready) {
      if (this.#options.nameTaken()) return false;
      await this.#bind(signal);
      if (!collection.ready) return false;
    }
    await this.#sync(signal);
    await this.#dropPartitions(signal);
    return false;
  }

  async #bind(signal: AbortSignal): Promise<void> {
    const { collection, target, source, permit } = this.#options;
    const { record, catalog } = collection;
    if (catalog === undefined) return;
    const name = collection.target;
    const wanted = definitionOf(catalog, name);
    if (record.value.state !== 'bound') await this.#options.databaseReady(signal);
    const found = await target.describeCollection(name);
    const { state, target: bound } = record.value;
    const adopts = found !== undefined && state === 'found';
    const adoptedAt = adopts ? await source.currentTimestamp(signal) : undefined;
    // From here on the name is claimed without a pause: of two collections that wait for it, one gets it.
    if (collection.dropped || this.#options.nameTaken()) return;
    if (state === 'bound') {
      if (found === undefined || String(found.id) !== bound.collectionId) {
        throw new CdcError(
          'target_foreign',
          `${name.database}.${name.collection} was ${found === undefined ? 'dropped' : 'replaced'} on the target by someone else; delete the task and create it again to copy it anew`,
        );
      }
    } else if (found !== undefined) {
      const difference = mismatch(wanted, found);
      if (difference !== undefined) {
        throw new CdcError(
          'target_foreign',
          `${name.database}.${name.collection} exists on the target and does not fit: ${difference}`,
        );
      }
      const made = state === 'creating';
      const replayUntil = adoptedAt === undefined ? record.value.replayUntil : String(adoptedAt);
      await record.update((o) => ({
        state: 'bound',
        createdHere: made,
        replayUntil,
        target: { ...o.target, collectionId: String(found.id) },
      }));
    } else {
      await record.update(() => ({ state: 'creating', createdHere: true }));
      await permit(signal);
      const id = await target.createCollection(wanted);
      await record.update((o) => ({ state: 'bound', target: { ...o.target, collectionId: String(id) } }));
    }
    await this.#knowPartitions();
    if (collection.catalog === undefined || collection.dropped) return;
    collection.ready = true;
    this.#options.onReady();
  }

  /** Partitions that both sides have already. */
  async #knowPartitions(): Promise<void> {
    const { collection, target } = this.#options;
    const there = new Set(await target.listPartitions(collection.target));
    const known = collection.record.value.partitions;
    const taken = new Set(Object.values(known).map(({ name }) => name));
    const shared = [...(collection.catalog?.partitions.values() ?? [])].filter(
      (p) => p.state === 'created' && there.has(p.name) && !taken.has(p.name),
    );
    if (shared.length === 0) return;
    const bound = shared.map((p) => [String(p.id), { name: p.name, state: 'bound' as const }]);
    await collection.record.update((o) => ({
      partitions: { ...o.partitions, ...Object.fromEntries(bound) },
    }));
  }

  async #sync(signal: AbortSignal): Promise<void> {
    const { collection, target, ignorePartitions, permit } = this.#options;
    const { catalog, record } = collection;
    if (catalog === undefined) return;
    const name = collection.target;
    const [partitions, indexes, load] = await Promise.all([
      target.listPartitions(name),
      target.listIndexes(name),
      target.loadState(name),
    ]);
    const { partitions: known, indexes: made, loaded } = record.value;
    const steps = planObject(
      catalog,
      { partitions: known, indexes: made, loaded },
      { partitions, indexes, load },
      ignorePartitions,
    );
    for (const step of steps) {
      await permit(signal);
      await this.#take(step);
    }
  }

  async #take(step: Step): Promise<void> {
    const { collection, target, log } = this.#options;
    const name = collection.target;
    const { record } = collection;
    log.info({ collection: name, step: step.kind }, 'changing an object on the target');
    switch (step.kind) {
      case 'create-partition':
        await this.#markPartition(step.id, { name: step.name, state: 'creating' });
        await target.createPartition(name, step.name);
        await this.#markPartition(step.id, { name: step.name, state: 'bound' });
        collection.changed.notify();
        return;
      case 'create-index':
        await record.update((o) => ({ indexes: { ...o.indexes, [step.index.name]: step.fingerprint } }));
        return target.createIndex(name, step.index);
      case 'drop-index':
        await target.dropIndex(name, step.name);
        return record.update((o) => ({
          indexes: Object.fromEntries(Object.entries(o.indexes).filter(([index]) => index !== step.name)),
        }));
      case 'load':
        await record.update(() => ({ loaded: true }));
        return target.load(name, step.replicas);
      case 'load-partitions':
        await record.update(() => ({ loaded: true }));
        return target.loadPartitions(name, step.names, step.replicas);
      case 'release':
        await target.release(name);
        return record.update(() => ({ loaded: false }));
      case 'release-partitions':
        return target.releasePartitions(name, step.names);
    }
  }

  async #dropPartitions(signal: AbortSignal): Promise<void> {
    const { collection, target, permit, ignorePartitions } = this.#options;
    for (const { id, name } of collection.partitionsToDrop) {
      const barrier = collection.partitionDrop(id);
      await this.#lookAtEnds(barrier.unseen, (channel, end) => barrier.endSeen(channel, end), signal);
      const begun = collection.record.value.partitions[String(id)]?.state === 'dropping';
      if (!begun && !barrier.passed(this.#options.committedOf)) continue;
      if (!begun) await this.#markPartition(id, { name, state: 'dropping' });
      if (!ignorePartitions) {
        await permit(signal);
        await target.dropPartition(collection.target, name);
      }
      await this.#markPartition(id, undefined);
      collection.partitionDropped(id);
    }
  }

  /** Writes down what is known of a partition; undefined forgets it. */
  #markPartition(id: bigint, known: TaskObject['partitions'][string] | undefined): Promise<void> {
    return this.#options.collection.record.update((o) => {
      const { [String(id)]: _, ...others } = o.partitions;
      return { partitions: known === undefined ? others : { ...others, [String(id)]: known } };
    });
  }

  async #drop(signal: AbortSignal): Promise<boolean> {
    const { collection, target, permit, onGone, log } = this.#options;
    const { record } = collection;
    if (record.value.state !== 'dropping') {
      const barrier = collection.dropBarrier;
      await this.#lookAtEnds(barrier.unseen, (channel, end) => barrier.endSeen(channel, end), signal);
      if (!barrier.passed(this.#options.committedOf)) return false;
      if (record.value.state === 'found') {
        await onGone();
        return true;
      }
      await record.update(() => ({ state: 'dropping' }));
    }
    const found = await target.describeCollection(collection.target);
    const { collectionId } = record.value.target;
    // An intent to create whose answer was lost has no id yet; what then stands under the name was made by it.
    const ours =
      found !== undefined &&
      (collectionId === undefined ? record.value.createdHere : collectionId === String(found.id));
    if (ours) {
      await permit(signal);
      log.info({ collection: collection.target, id: collectionId }, 'dropping a collection on the target');
      await target.dropCollection(collection.target);
    }
    await onGone();
    return true;
  }

  async #lookAtEnds(
    channels: readonly string[],
    note: (channel: string, end: bigint) => void,
    signal: AbortSignal,
  ): Promise<void> {
    for (const channel of channels) {
      const { nextOffset } = await this.#options.source.describeChannel(channel, signal);
      note(channel, nextOffset);
    }
  }
}
