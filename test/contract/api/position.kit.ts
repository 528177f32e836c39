import { describe, expect, test } from 'vitest';
import { packPositions } from '#shared/task/positions.ts';
import { sampleObject } from '../../support/fakes/task-samples.ts';
import { type MakeStores, TARGET, World } from './world.ts';

const NOTHING = { op_positions: null, positions: null, target_positions: null };

/** A `msg.MsgPosition` with a message id, as backup tools and `position` itself write it. */
function given(channel: string, offset: bigint): string {
  const id = Buffer.alloc(8);
  id.writeBigInt64LE(offset);
  const name = Buffer.from(channel);
  return Buffer.concat([Buffer.from([0x0a, name.length]), name, Buffer.from([0x12, 8]), id]).toString(
    'base64',
  );
}

/** Statements 74–79: positions and maintenance. */
export function describePosition(name: string, makeStores: MakeStores): void {
  describe(`position and maintenance on ${name}`, () => {
    test('74: an unknown task has no positions', async () => {
      await using world = await World.open(makeStores);
      expect(await world.call('position', { task_id: 'nope' })).toEqual({ code: 200, data: NOTHING });
      expect(await world.call('position')).toEqual({ code: 200, data: NOTHING });
    });

    test('75: positions that were given are shown, and handed to the replicator', async () => {
      await using world = await World.open(makeStores);
      const channel = 'by-dev-rootcoord-dml_0';
      const positions = { [`${channel}_451v0`]: given(channel, 77n) };
      const id = await world.create({ collection_infos: [{ name: 'foo', positions }] });
      expect((await world.call('position', { task_id: id })).data?.['positions']).toEqual([
        { collection_id: 451, channel_name: channel, time: 0, tt: 262144, msg_id: given(channel, 77n) },
      ]);
      expect(await world.get(id)).toMatchObject({ collection_infos: [{ positions }] });
      expect((await world.tasks.getTask(id))?.startPositions).toEqual([
        { vchannel: `${channel}_451v0`, offset: '77', timestamp: '0' },
      ]);
    });

    test('75: a position without a message id is shown, and nothing starts from it', async () => {
      await using world = await World.open(makeStores);
      const id = await world.create({
        db_collections: { db1: [{ name: 'foo', positions: { 'by-dev-rootcoord-dml_0_451v0': '' } }] },
      });
      const { data } = await world.call('position', { task_id: id });
      expect(data?.['positions']).toMatchObject([{ collection_id: 451, time: 0, tt: 262144 }]);
      expect((await world.tasks.getTask(id))?.startPositions).toEqual([]);
    });

    test('76: the position of the rpc channel has the id -10', async () => {
      await using world = await World.open(makeStores);
      const id = await world.create({
        collection_infos: [{ name: 'foo' }],
        rpc_channel_info: { position: given('by-dev-replicate-msg', 5n) },
      });
      expect((await world.call('position', { task_id: id })).data?.['positions']).toEqual([
        {
          collection_id: -10,
          channel_name: 'by-dev-replicate-msg',
          time: 0,
          tt: 262144,
          msg_id: given('by-dev-replicate-msg', 5n),
        },
      ]);
    });

    test('positions that were reached have all digits of their 64-bit numbers', async () => {
      await using world = await World.open(makeStores);
      const id = await world.create({ collection_infos: [{ name: '*' }] });
      const [dml0, dml1] = ['by-dev-rootcoord-dml_0', 'by-dev-rootcoord-dml_1'];
      const at = (time: number) => BigInt(time) << 18n;
      const place = (channel: string, offset: bigint, time: number) => ({
        channel,
        logTag: '00112233445566ff',
        offset,
        tick: at(time),
        horizon: at(time),
      });
      await world.fleet.putObject(
        id,
        sampleObject(
          { id, incarnation: '' },
          {
            collectionId: '449123456789012345',
            source: { database: 'default', name: 'books', channels: [dml0, dml1] },
            cursors: [{ ...place(dml0, 3n, 0), offset: '3', tick: at(1000).toString(), horizon: '0' }],
          },
        ),
      );
      await world.fleet.putObject(
        id,
        sampleObject({ id, incarnation: '' }, { collectionId: '2', state: 'dropping' }),
      );
      const channels = packPositions([
        place(dml0, 9n, 5000),
        place(dml1, 10n, 1_700_000_000_000),
        place('by-dev-replicate-msg', 11n, 6000),
      ]);
      await world.fleet.renewAll({ channels, watermark: at(1000).toString() });
      const { body } = await world.send(
        JSON.stringify({ request_type: 'position', request_data: { task_id: id } }),
      );
      expect(body).toContain('"collection_id":449123456789012345,');
      expect(body).toContain(`"time":1700000000000,"tt":${at(1_700_000_000_001)},`);
      const { positions } = (JSON.parse(body) as { data: { positions: object[] } }).data;
      expect(positions).toMatchObject([
        { collection_id: -10, time: 6000, msg_id: given('by-dev-replicate-msg', 11n) },
        { channel_name: dml0, time: 1000, msg_id: given(dml0, 3n) },
        { channel_name: dml1, time: 1_700_000_000_000, msg_id: given(dml1, 10n) },
      ]);
    });

    test('without an id the positions of all tasks are shown', async () => {
      await using world = await World.open(makeStores);
      for (const i of [1, 2]) {
        const positions = { [`dml_0_${i}v0`]: '' };
        await world.create({ task_id: `t${i}`, collection_infos: [{ name: `c${i}`, positions }] });
      }
      expect((await world.call('position')).data?.['positions']).toMatchObject([
        { collection_id: 1 },
        { collection_id: 2 },
      ]);
    });

    test.each([
      ['77: no operation', {}, 'unsupported operation: '],
      ['77: an unknown operation', { operation: 'x' }, 'unsupported operation: x'],
      ['78: no level', { operation: 'set_log_level' }, 'log_level is required'],
      [
        '78: a bad level',
        { operation: 'set_log_level', params: { log_level: 'loud' } },
        'parse log level failed: unrecognized level: "loud"',
      ],
      [
        '78: a good level',
        { operation: 'set_log_level', params: { log_level: 'WARN' } },
        'set log level to WARN',
      ],
      ['79: no count', { operation: 'reset_log_msg' }, 'count is required'],
      ['79: no duration', { operation: 'reset_log_msg', params: { count: 1 } }, 'duration is required'],
      [
        '79: a count that is none',
        { operation: 'reset_log_msg', params: { count: 'x', duration: 1 } },
        'parse count failed: strconv.Atoi: parsing "x": invalid syntax',
      ],
      [
        '79: a duration that is none',
        { operation: 'reset_log_msg', params: { count: 1, duration: 'x' } },
        'parse duration failed: strconv.Atoi: parsing "x": invalid syntax',
      ],
      [
        '79: numbers',
        { operation: 'reset_log_msg', params: { count: '10', duration: 5 } },
        'reset log msg count to 10, duration to 5',
      ],
      ['no force', { operation: 'set_force_log_msg' }, 'force is required'],
      ['force', { operation: 'set_force_log_msg', params: { force: true } }, 'set force log msg to true'],
      [
        'a force that is none',
        { operation: 'set_force_log_msg', params: { force: 'yes' } },
        'parse force failed: strconv.ParseBool: parsing "yes": invalid syntax',
      ],
    ])('%s is answered with code 200', async (_, request, State) => {
      await using world = await World.open(makeStores);
      expect(await world.call('maintenance', request)).toEqual({ code: 200, data: { State } });
    });

    test('78: the level is set here, and stored for the replicators', async () => {
      await using world = await World.open(makeStores);
      await world.call('maintenance', { operation: 'set_log_level', params: { log_level: 'debug' } });
      expect(world.level).toBe('debug');
      expect(await world.tasks.getLogLevel()).toBe('debug');
    });

    test('a position that was shown can be given to a new task', async () => {
      await using world = await World.open(makeStores);
      const positions = { ch_0_7v0: given('ch_0', 9n) };
      const id = await world.create({ collection_infos: [{ name: 'a', positions }] });
      const shown = (await world.call('position', { task_id: id })).data?.['positions'] as {
        msg_id: string;
      }[];
      const again = { ch_0_7v0: shown[0]?.msg_id };
      const copy = await world.create({
        milvus_connect_param: { ...TARGET, uri: 'http://other:1' },
        collection_infos: [{ name: 'a', positions: again }],
      });
      expect((await world.tasks.getTask(copy))?.startPositions).toMatchObject([{ offset: '9' }]);
    });
  });
}
