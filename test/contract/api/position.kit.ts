import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { describe, expect, test } from 'vitest';
import { packPositions } from '#shared/task/positions.ts';
import { sampleObject } from '../../support/fakes/task-samples.ts';
import { type MakeStores, TARGET, World } from './world.ts';

const NOTHING = { op_positions: null, positions: null, target_positions: null };

/** A `msg.MsgPosition` with a message id, as backup tools write it, and with a timestamp, as `position` does. */
function given(channel: string, offset: bigint, timestamp = 0n): string {
  const writer = new BinaryWriter().tag(1, WireType.LengthDelimited).string(channel);
  const id = Buffer.alloc(8);
  id.writeBigInt64LE(offset);
  writer.tag(2, WireType.LengthDelimited).bytes(id);
  if (timestamp > 0n) writer.tag(4, WireType.Varint).uint64(timestamp);
  return Buffer.from(writer.finish()).toString('base64');
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
        {
          collection_id: 451,
          channel_name: channel,
          time: 0,
          tt: 262144,
          msg_id: given(channel, 77n),
          vchannel: `${channel}_451v0`,
        },
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
      const vchannel = (channel: string) => `${channel}_449123456789012345v0`;
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
            cursors: [{ ...place(dml0, 3n, 0), offset: '3', tick: (at(1000) + 5n).toString(), horizon: '0' }],
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
        { collection_id: -10, time: 6000, msg_id: given('by-dev-replicate-msg', 11n, at(6000)) },
        { channel_name: dml0, vchannel: vchannel(dml0), time: 1000, msg_id: given(dml0, 3n, at(1000) + 5n) },
        {
          channel_name: dml1,
          vchannel: vchannel(dml1),
          time: 1_700_000_000_000,
          msg_id: given(dml1, 10n, at(1_700_000_000_000)),
        },
      ]);
    });

    test('where collections of a wildcard start can be given, and is shown until they are reached', async () => {
      await using world = await World.open(makeStores);
      const start_positions = { ch_0_7v0: given('ch_0', 9n, 99n), ch_1_8v1: given('ch_1', 10n, 98n) };
      const id = await world.create({ collection_infos: [{ name: '*' }], start_positions });
      expect((await world.tasks.getTask(id))?.startPositions).toEqual([
        { vchannel: 'ch_0_7v0', offset: '9', timestamp: '99' },
        { vchannel: 'ch_1_8v1', offset: '10', timestamp: '98' },
      ]);
      expect((await world.call('position', { task_id: id })).data?.['positions']).toMatchObject([
        { vchannel: 'ch_0_7v0', collection_id: 7, msg_id: start_positions.ch_0_7v0 },
        { vchannel: 'ch_1_8v1', collection_id: 8, msg_id: start_positions.ch_1_8v1 },
      ]);
    });

    test.each([
      [{ ch_0: '' }, 400, 'the vchannel is invalid, ch_0, err: virtual channel name(ch_0) is not valid: inv'],
      [{ ch_0_7v0: '!' }, 500, 'fail to decode the position data: illegal base64 data'],
    ])('start positions %j are refused', async (start_positions, code, message) => {
      await using world = await World.open(makeStores);
      const answer = await world.call('create', {
        milvus_connect_param: TARGET,
        collection_infos: [{ name: '*' }],
        start_positions,
      });
      expect(answer.code).toBe(code);
      expect(answer.message).toContain(message);
    });

    test('a client that accepts milvus-cdc members only gets no others', async () => {
      await using world = await World.open(makeStores);
      world.settings = { ...world.settings, showStatus: false };
      const id = await world.create({
        collection_infos: [{ name: '*' }],
        start_positions: { ch_0_7v0: given('ch_0', 9n) },
      });
      const { data } = await world.call('position', { task_id: id });
      const [item = {}] = (data?.['positions'] ?? []) as object[];
      expect(Object.keys(item)).toEqual(['collection_id', 'channel_name', 'time', 'tt', 'msg_id']);
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
