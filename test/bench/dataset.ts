import { create, toBinary } from '@bufbuild/protobuf';
import { InsertRequestSchema } from '../../replicator/wire/gen/milvus_pb.ts';
import { DataType, FieldDataSchema } from '../../replicator/wire/gen/schema_pb.ts';

export interface DatasetShape {
  readonly rows: number;
  readonly dim: number;
}

/** Rows of an Int64 key and a float vector, kept as the bytes of public Insert requests. */
export interface Dataset extends DatasetShape {
  /** Everything of the request but the collection's name. */
  readonly bodies: readonly { readonly rows: number; readonly bytes: Buffer }[];
}

/** Of a request: the most one in-flight call should carry. */
const REQUEST_BYTES = 8 * 1_024 * 1_024;

export function makeDataset({ rows, dim }: DatasetShape): Dataset {
  const perRequest = Math.max(1, Math.floor(REQUEST_BYTES / (dim * 4 + 8)));
  const random = xorshift(dim * 7_919 + rows);
  const bodies = [];
  for (let first = 0; first < rows; first += perRequest) {
    const count = Math.min(perRequest, rows - first);
    const fields = create(InsertRequestSchema, {
      fieldsData: [keyColumn(first, count)],
      numRows: count,
    });
    const bytes = Buffer.concat([
      toBinary(InsertRequestSchema, fields),
      vectorColumn({ count, dim, random }),
    ]);
    bodies.push({ rows: count, bytes });
  }
  return { rows, dim, bodies };
}

/** The requests for one collection. Protobuf lets a field stand anywhere, so the name goes in front. */
export function* requestsFor(dataset: Dataset, collection: string): Generator<Buffer> {
  const head = toBinary(InsertRequestSchema, create(InsertRequestSchema, { collectionName: collection }));
  for (const { bytes } of dataset.bodies) yield Buffer.concat([head, bytes]);
}

function keyColumn(first: number, count: number) {
  const data = Array.from({ length: count }, (_, index) => BigInt(first + index));
  return create(FieldDataSchema, {
    type: DataType.INT64,
    fieldName: 'id',
    field: { case: 'scalars', value: { data: { case: 'longData', value: { data } } } },
  });
}

interface VectorOptions {
  readonly count: number;
  readonly dim: number;
  readonly random: () => number;
}

/** The vector's FieldData as field 5 of the request, written by hand: millions of floats as JavaScript numbers take
 *  longer to make than they take to send. */
function vectorColumn({ count, dim, random }: VectorOptions): Buffer {
  const floats = new Float32Array(count * dim);
  for (let index = 0; index < floats.length; index += 1) floats[index] = random();
  const data = lengthField(1, Buffer.from(floats.buffer));
  const vector = Buffer.concat([varintField(1, dim), lengthField(2, data)]);
  const head = toBinary(
    FieldDataSchema,
    create(FieldDataSchema, { type: DataType.FLOAT_VECTOR, fieldName: 'vector' }),
  );
  return lengthField(5, Buffer.concat([head, lengthField(4, vector)]));
}

function varint(value: number): Buffer {
  const bytes = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  return Buffer.from([...bytes, rest]);
}

function varintField(field: number, value: number): Buffer {
  return Buffer.concat([varint(field * 8), varint(value)]);
}

function lengthField(field: number, bytes: Buffer): Buffer {
  return Buffer.concat([varint(field * 8 + 2), varint(bytes.length), bytes]);
}

/** Numbers from -1 to 1, the same ones on every run; random ones, so that compression finds nothing. */
function xorshift(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state / 0x8000_0000;
  };
}
