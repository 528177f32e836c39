import { DataType, type FieldType, type RowData } from '@zilliz/milvus2-sdk-node';
import type { Random } from './random.ts';

/** What a workload's field needs to be filled. */
export type Field = FieldType & { readonly name: string; readonly data_type: DataType };

type Value = RowData[string];

const WORDS = ['alpha', 'Ω mega', 'naïve', '', 'quote " and \\', '日本語', 'tab\tline\n', '🚀'] as const;

/** A value of the field's type; small and large ones, empty ones and odd ones. */
export function randomValue(field: Field, random: Random): Value {
  switch (field.data_type) {
    case DataType.Array:
      return arrayOf(field, random) as Value;
    case DataType.JSON:
      return jsonValue(random) as Value;
    case DataType.FloatVector:
      return Array.from({ length: Number(field.dim) }, () => random.fraction() * 2 - 1);
    case DataType.BinaryVector:
      return Array.from({ length: Number(field.dim) / 8 }, () => random.int(0, 255));
    default:
      return scalarOf(field.data_type, random);
  }
}

function scalarOf(type: DataType, random: Random): Value {
  switch (type) {
    case DataType.Bool:
      return random.chance(0.5);
    case DataType.Int8:
      return random.int(-128, 127);
    case DataType.Int16:
      return random.int(-32_768, 32_767);
    case DataType.Int32:
      return random.int(-0x8000_0000, 0x7fff_ffff);
    case DataType.Int64:
      return random.int64();
    case DataType.Float:
      return Math.fround(random.fraction() * 1_000 - 500);
    case DataType.Double:
      return random.fraction() * 1e12 - 5e11;
    case DataType.VarChar:
      return `${random.pick(WORDS)}${random.int(0, 99)}`;
    default:
      throw new Error(`the workload has no values of type ${type}`);
  }
}

function arrayOf(field: Field, random: Random): unknown {
  const type = field.element_type as DataType;
  return Array.from({ length: random.int(0, Number(field.max_capacity)) }, () => scalarOf(type, random));
}

function jsonValue(random: Random): unknown {
  return {
    word: random.pick(WORDS),
    number: random.int(-1_000, 1_000),
    nested: { list: [1, 'two', null, { three: random.fraction() }], empty: {} },
    ...(random.chance(0.3) ? { large: 'x'.repeat(random.int(1, 300)) } : {}),
  };
}

/** Fields beside the schema's, for a collection with a dynamic field. */
export function dynamicValues(random: Random): RowData {
  return {
    ...(random.chance(0.7) ? { colour: random.pick(['red', 'green', 'blue']) } : {}),
    ...(random.chance(0.5) ? { size: random.int(1, 1_000) } : {}),
    ...(random.chance(0.2) ? { tags: { a: random.pick(WORDS), b: [random.fraction()] } } : {}),
  };
}
