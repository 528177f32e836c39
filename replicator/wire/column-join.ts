import type { Column } from '../engine/change.ts';
import { ColumnValues } from './column-values.ts';
import { ColumnMismatchError, MalformedRecordError } from './errors.ts';
import { FIELD_DATA } from './rows.ts';
import { Scanner } from './scan.ts';
import { ValidFlags } from './valid-flags.ts';
import { lengthFieldSize, stringFieldSize, varintFieldSize, type Writer } from './writer.ts';

/** One column joined over several parts: a schema.FieldData, measured first and written then.
 *  The field id is left out: it is the source's, and the target goes by name. */
export class ColumnJoin {
  readonly #name: string;
  readonly #fieldId: number;
  #type = 0;
  #isDynamic = false;
  #group = 0;
  #values: ColumnValues | undefined;
  readonly #valid = new ValidFlags();
  #parts = 0;

  constructor(first: Column) {
    this.#name = first.name;
    this.#fieldId = first.fieldId;
  }

  /** Appends a column of the same name that has `count` rows.
   *  Fails with {@link ColumnMismatchError} or {@link MalformedRecordError}. */
  add(column: Column, count: number): void {
    const part = this.#parts++;
    if (column.fieldId !== this.#fieldId) {
      this.#mismatch('field-id', part, `field id ${column.fieldId}, not ${this.#fieldId}`);
    }
    let type = 0;
    let group = 0;
    this.#valid.startPart(count);
    const scan = new Scanner(column.data);
    while (scan.next()) {
      if (scan.field === FIELD_DATA.type) type = scan.number();
      else if (scan.field === FIELD_DATA.isDynamic) this.#isDynamic = scan.number() !== 0;
      else if (scan.field === FIELD_DATA.validData) this.#valid.read(scan);
      else if (scan.field === FIELD_DATA.scalars || scan.field === FIELD_DATA.vectors) {
        if (group !== 0) throw new MalformedRecordError(`column ${this.#name} holds its values twice`);
        group = scan.field;
        this.#addValues(scan, part);
      } else this.#skipKnown(scan);
    }
    if (group === 0) throw new MalformedRecordError(`column ${this.#name} holds no values`);
    if (!this.#valid.endPart())
      throw new MalformedRecordError(`column ${this.#name} has not one flag per row`);
    if (part === 0) this.#type = type;
    else if (type !== this.#type) this.#mismatch('type', part, `data type ${type}, not ${this.#type}`);
  }

  /** Size of the field `number` of the request that holds this column. */
  size(number: number): number {
    return lengthFieldSize(number, this.#bytes);
  }

  write(number: number, writer: Writer): void {
    writer.lengthField(number, this.#bytes);
    if (this.#type !== 0) writer.varintField(FIELD_DATA.type, this.#type);
    writer.stringField(FIELD_DATA.name, this.#name);
    if (this.#values !== undefined) {
      writer.lengthField(this.#group, this.#values.bytes);
      this.#values.write(writer);
    }
    if (this.#isDynamic) writer.varintField(FIELD_DATA.isDynamic, 1);
    this.#valid.write(FIELD_DATA.validData, writer);
  }

  get #bytes(): number {
    return (
      (this.#type === 0 ? 0 : varintFieldSize(FIELD_DATA.type, this.#type)) +
      stringFieldSize(FIELD_DATA.name, this.#name) +
      (this.#values === undefined ? 0 : lengthFieldSize(this.#group, this.#values.bytes)) +
      (this.#isDynamic ? varintFieldSize(FIELD_DATA.isDynamic, 1) : 0) +
      this.#valid.size(FIELD_DATA.validData)
    );
  }

  #addValues(scan: Scanner, part: number): void {
    if (this.#values === undefined) {
      this.#group = scan.field;
      this.#values = new ColumnValues(scan.field === FIELD_DATA.vectors);
    } else if (scan.field !== this.#group) {
      this.#mismatch('encoding', part, 'scalars and vectors');
    }
    this.#values.add(scan.message(), { column: this.#name, part });
  }

  #skipKnown(scan: Scanner): void {
    if (scan.field !== FIELD_DATA.name && scan.field !== FIELD_DATA.fieldId) {
      throw new MalformedRecordError(`column ${this.#name} has an unknown field ${scan.field}`);
    }
    scan.skip();
  }

  #mismatch(reason: ColumnMismatchError['reason'], part: number, detail: string): never {
    throw new ColumnMismatchError(reason, this.#name, part, detail);
  }
}
