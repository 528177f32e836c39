import {
  DataType,
  type FieldData,
  type ScalarField,
  type VectorField,
} from '../../../replicator/wire/gen/schema_pb.ts';

/** One value of one row. Bytes stand for what has to be equal bit by bit: vectors and JSON text. */
export type Cell = bigint | number | string | boolean | Uint8Array | undefined;

/** The values of a column, by row. Fails on a type it does not know: a column left out would be a silent difference. */
export function cellsOf(column: FieldData): readonly Cell[] {
  const { field, validData } = column;
  const cells =
    field.case === 'vectors' ? vectorCells(field.value) : scalarCells(column.fieldName, field.value);
  return validData.length === 0
    ? cells
    : cells.map((cell, row) => (validData[row] === true ? cell : undefined));
}

export function sameCell(left: Cell, right: Cell): boolean {
  if (left instanceof Uint8Array && right instanceof Uint8Array) return Buffer.compare(left, right) === 0;
  return Object.is(left, right);
}

/** For a list of differences: short, and of JSON its text. */
export function showCell(cell: Cell): string {
  if (cell === undefined) return 'null';
  if (!(cell instanceof Uint8Array))
    return shorten(typeof cell === 'string' ? JSON.stringify(cell) : String(cell));
  const text = Buffer.from(cell).toString('utf8');
  return shorten(/^[\x20-\x7e]*$/.test(text) ? text : Buffer.from(cell).toString('hex'));
}

function shorten(text: string): string {
  return text.length <= 60 ? text : `${text.slice(0, 57)}...`;
}

function scalarCells(name: string, scalars: ScalarField | undefined): readonly Cell[] {
  const data = scalars?.data;
  switch (data?.case) {
    case 'boolData':
    case 'intData':
    case 'longData':
    case 'floatData':
    case 'doubleData':
    case 'stringData':
    case 'bytesData':
    case 'jsonData':
    case 'geometryData':
      return data.value.data;
    case 'arrayData':
      return data.value.data.map((array) => arrayText(scalarCells(name, array)));
    case undefined:
      return [];
  }
}

/** The elements with their types, so that 1 and "1" differ. */
function arrayText(cells: readonly Cell[]): string {
  return `[${cells.map((cell) => (typeof cell === 'bigint' ? String(cell) : JSON.stringify(cell))).join(',')}]`;
}

function vectorCells(vectors: VectorField): readonly Cell[] {
  const dim = Number(vectors.dim);
  const { data } = vectors;
  switch (data.case) {
    case 'floatVector':
      return slices(new Uint8Array(Float32Array.from(data.value.data).buffer), dim * 4);
    case 'binaryVector':
      return slices(data.value, dim / 8);
    case 'float16Vector':
    case 'bfloat16Vector':
      return slices(data.value, dim * 2);
    case 'int8Vector':
      return slices(data.value, dim);
    case 'sparseFloatVector':
      return data.value.contents;
    case undefined:
      return [];
  }
}

function slices(bytes: Uint8Array, size: number): readonly Uint8Array[] {
  return Array.from({ length: bytes.length / size }, (_, row) =>
    bytes.subarray(row * size, (row + 1) * size),
  );
}

/** -1, 0 or 1. Milvus orders strings by their bytes. */
export function compareKeys(left: Cell, right: Cell): number {
  if (typeof left === 'bigint' && typeof right === 'bigint') return left < right ? -1 : Number(left > right);
  return Buffer.compare(Buffer.from(String(left)), Buffer.from(String(right)));
}

/** Whether the column holds text that is JSON. */
export function isJson(column: FieldData): boolean {
  return column.type === DataType.JSON;
}
