import { ColumnMismatchError, MalformedRecordError } from './errors.ts';
import { LENGTH, Scanner } from './scan.ts';
import { Runs, Segments } from './segments.ts';
import { lengthFieldSize, varintFieldSize, type Writer } from './writer.ts';

/** Where a value stands: which column, of which part. */
export interface Place {
  readonly column: string;
  readonly part: number;
}

/** How the values of a column are laid out within schema.ScalarField or schema.VectorField, by field number.
 *  packable: a message with one repeated number field · entries: a message with one repeated bytes, string or
 *  message field · sparse: the same beside a `dim` · blob: bare bytes, the rows end to end. */
type Layout = 'packable' | 'entries' | 'sparse' | 'blob';

const SCALAR_LAYOUTS: readonly (Layout | undefined)[] = [
  undefined,
  'packable', // 1 bool
  'packable', // 2 int8, int16, int32
  'packable', // 3 int64
  'packable', // 4 float
  'packable', // 5 double
  'entries', // 6 string
  'entries', // 7 bytes
  'entries', // 8 array
  'entries', // 9 JSON
  'entries', // 10 geometry
];

const VECTOR_LAYOUTS: readonly (Layout | undefined)[] = [
  undefined,
  undefined, // 1 dim, no values
  'packable', // 2 float
  'blob', // 3 binary
  'blob', // 4 float16
  'blob', // 5 bfloat16
  'sparse', // 6 sparse float
  'blob', // 7 int8
];

const DIM = 1;
const SPARSE_DIM = 2;

/** The values of one column, joined over several parts: the content of a schema.ScalarField or schema.VectorField,
 *  built from the inner stretches of the given ones. Plain concatenation of the encoded messages would be right
 *  for repeated fields only: of `bytes` in a oneof protobuf keeps the last. */
export class ColumnValues {
  readonly #vectors: boolean;
  #field = 0;
  #layout: Layout | undefined;
  #dim: number | undefined;
  #sparseDim = 0;
  readonly #runs = new Runs();
  readonly #blob = new Segments();

  constructor(vectors: boolean) {
    this.#vectors = vectors;
  }

  /** Appends the values of an encoded ScalarField or VectorField. */
  add(scan: Scanner, place: Place): void {
    let dim = 0;
    let seen = false;
    while (scan.next()) {
      if (this.#vectors && scan.field === DIM) {
        dim = scan.number();
        continue;
      }
      if (seen) throw new MalformedRecordError(`column ${place.column} holds its values twice`);
      seen = true;
      this.#enter(scan.field, place);
      this.#addValues(scan, place);
    }
    if (!seen) throw new MalformedRecordError(`column ${place.column} holds no values`);
    if (this.#vectors) this.#addDim(dim, place);
  }

  get bytes(): number {
    const dim = this.#dim ?? 0;
    return (dim === 0 ? 0 : varintFieldSize(DIM, dim)) + lengthFieldSize(this.#field, this.#innerBytes);
  }

  write(writer: Writer): void {
    const dim = this.#dim ?? 0;
    if (dim !== 0) writer.varintField(DIM, dim);
    writer.lengthField(this.#field, this.#innerBytes);
    this.#blob.write(writer);
    this.#runs.write(writer);
    if (this.#sparseDim !== 0) writer.varintField(SPARSE_DIM, this.#sparseDim);
  }

  get #innerBytes(): number {
    const dim = this.#sparseDim === 0 ? 0 : varintFieldSize(SPARSE_DIM, this.#sparseDim);
    return this.#blob.bytes + this.#runs.bytes + dim;
  }

  #enter(field: number, { column, part }: Place): void {
    if (this.#layout !== undefined) {
      if (field === this.#field) return;
      throw new ColumnMismatchError('encoding', column, part, `values in field ${field}, not ${this.#field}`);
    }
    this.#layout = (this.#vectors ? VECTOR_LAYOUTS : SCALAR_LAYOUTS)[field];
    this.#field = field;
    if (this.#layout === undefined) {
      throw new MalformedRecordError(`column ${column} has values of an unknown kind (field ${field})`);
    }
  }

  #addValues(scan: Scanner, place: Place): void {
    const end = scan.open();
    const bounds = { start: scan.position, end };
    if (this.#layout === 'blob') this.#blob.add(scan.buffer, bounds.start, end);
    else if (this.#layout === 'entries') this.#runs.add(false, scan.buffer, bounds);
    else this.#addRepeated(new Scanner(scan.buffer, bounds.start, end), place);
    scan.seek(end);
  }

  #addRepeated(scan: Scanner, { column }: Place): void {
    const packable = this.#layout === 'packable';
    while (scan.next()) {
      if (scan.field === SPARSE_DIM && !packable) {
        this.#sparseDim = Math.max(this.#sparseDim, scan.number());
        continue;
      }
      if (scan.field !== 1)
        throw new MalformedRecordError(`column ${column} has an unknown field ${scan.field}`);
      const start = scan.tagStart;
      if (packable && scan.wireType === LENGTH) {
        const end = scan.open();
        this.#runs.add(true, scan.buffer, { start: scan.position, end });
        scan.seek(end);
      } else {
        scan.skip();
        this.#runs.add(false, scan.buffer, { start, end: scan.position });
      }
    }
  }

  /** Sparse vectors have no common dimension; theirs is the largest index met, and so the larger one holds. */
  #addDim(dim: number, { column, part }: Place): void {
    if (this.#layout === 'sparse') this.#dim = Math.max(this.#dim ?? 0, dim);
    else if (this.#dim === undefined) this.#dim = dim;
    else if (this.#dim !== dim) {
      throw new ColumnMismatchError('dim', column, part, `${dim} dimensions, not ${this.#dim}`);
    }
  }
}
