import { DataType } from '@zilliz/milvus2-sdk-node';
import type { Field } from '../values.ts';

export const INT64_KEY: Field = { name: 'id', data_type: DataType.Int64, is_primary_key: true };
export const AUTO_KEY: Field = { ...INT64_KEY, autoID: true };
export const VARCHAR_KEY: Field = {
  name: 'code',
  data_type: DataType.VarChar,
  is_primary_key: true,
  max_length: 64,
};
export const BUCKET: Field = { name: 'bucket', data_type: DataType.Int32 };

export function floatVector(name: string, dim: number): Field {
  return { name, data_type: DataType.FloatVector, dim };
}

export function binaryVector(name: string, dim: number): Field {
  return { name, data_type: DataType.BinaryVector, dim };
}

/** Every type that Milvus 2.3 has apart from vectors. */
export const ALL_SCALARS: readonly Field[] = [
  { name: 'flag', data_type: DataType.Bool },
  { name: 'tiny', data_type: DataType.Int8 },
  { name: 'small', data_type: DataType.Int16 },
  { name: 'medium', data_type: DataType.Int32 },
  { name: 'large', data_type: DataType.Int64 },
  { name: 'single', data_type: DataType.Float },
  { name: 'double', data_type: DataType.Double },
  { name: 'text', data_type: DataType.VarChar, max_length: 200, description: 'any text' },
  { name: 'document', data_type: DataType.JSON },
  array('flags', DataType.Bool),
  array('numbers', DataType.Int64),
  array('shorts', DataType.Int16),
  array('floats', DataType.Float),
  array('doubles', DataType.Double),
  { ...array('texts', DataType.VarChar), max_length: 40 },
];

function array(name: string, elementType: DataType): Field {
  return { name, data_type: DataType.Array, element_type: elementType, max_capacity: 6 };
}

export function hnsw(field: string, M = 8): Readonly<Record<string, unknown>> {
  const params = { M, efConstruction: 64 };
  return { field_name: field, index_name: `${field}_hnsw`, index_type: 'HNSW', metric_type: 'L2', params };
}

export function flat(field: string): Readonly<Record<string, unknown>> {
  return { field_name: field, index_name: `${field}_flat`, index_type: 'FLAT', metric_type: 'COSINE' };
}

export function binaryFlat(field: string): Readonly<Record<string, unknown>> {
  return { field_name: field, index_name: `${field}_flat`, index_type: 'BIN_FLAT', metric_type: 'HAMMING' };
}
