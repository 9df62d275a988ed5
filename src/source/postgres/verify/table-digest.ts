import type { TableFailureReason } from "../../../model/replication/block.ts";
import {
  RowDigests,
  shortField,
  type TableDigest,
  type TableReading,
} from "../../../model/replication/digest.ts";
import type { LogicalType } from "../../../model/replication/logical-type.ts";
import type { TableDefinition } from "../../../model/replication/relation.ts";
import { int32At } from "../../../wire/postgres/bytes.ts";
import { bytesField, textField, type Digest } from "../../../wire/postgres/types/digest.ts";
import { readTables, type CatalogTable } from "../catalog/catalog-table.ts";
import { copyRegions, copyRows } from "../copy/copy-rows.ts";
import { quoteIdentifier, quotedNameOf } from "../names.ts";
import { readFailure } from "../copy/read-failure.ts";
import type { Session } from "../connection/session.ts";
import { shapeOf, type Shape, type TypeContext } from "../catalog/shape.ts";
import { readTypeContext } from "../catalog/type-context.ts";

/**
 * The digests of tables as of one snapshot: the session is in a transaction that sees it. PostgreSQL writes the
 * canonical text of every value, so that errors of our decoders are detected.
 */
export class SnapshotDigests {
  readonly #session: Session;
  readonly #publication: string;
  readonly #regions = copyRegions();
  /** Types of the columns seen so far: types do not change within a snapshot, and few occur in many tables. */
  #context: TypeContext | undefined;
  #hasBegun = false;

  constructor({ session, publication }: { readonly session: Session; readonly publication: string }) {
    this.#session = session;
    this.#publication = publication;
  }

  async digest(definition: TableDefinition, signal: AbortSignal): Promise<TableReading> {
    const session = this.#session;
    const oid = Number(definition.id);
    const table = (await readTables(session, { publication: this.#publication, oids: [oid] })).get(oid);
    if (table === undefined) return { kind: "unreadable", reason: altered(definition) };
    const result = shapeOf(table, await this.#contextOf(table));
    if (result.kind === "failed") return { kind: "unreadable", reason: result.reason };
    await this.#begin();
    const reading = await this.#reading(table, result.shape, signal);
    // After a failure the snapshot remains usable for the following tables; and their locks, of which the server has
    // room for a few thousand, are not kept.
    await session.run("ROLLBACK TO SAVEPOINT before_table");
    return reading;
  }

  async #reading(table: CatalogTable, shape: Shape, signal: AbortSignal): Promise<TableReading> {
    try {
      return { kind: "read", digest: await this.#read(table, shape, signal) };
    } catch (error) {
      const failure = readFailure(error, table);
      if (failure === undefined) throw error;
      return { kind: "unreadable", reason: failure === "altered" ? altered(shape.relation) : failure };
    }
  }

  /** The point to which each reading is rolled back. */
  async #begin(): Promise<void> {
    if (!this.#hasBegun) await this.#session.run("SAVEPOINT before_table");
    this.#hasBegun = true;
  }

  async #read(table: CatalogTable, shape: Shape, signal: AbortSignal): Promise<TableDigest> {
    const session = this.#session;
    const from = `${table.kind === "r" ? "ONLY " : ""}${quotedNameOf(table)}`;
    const digests = new RowDigests();
    const rows = copyRows({ session, pool: this.#regions }, digestSql(shape, from), signal);
    for await (const { region, offsets, release } of rows) {
      for (const offset of offsets) digests.add(fieldsAt(region, offset, shape));
      release();
    }
    return digests.result();
  }

  async #contextOf(table: CatalogTable): Promise<TypeContext> {
    const before = this.#context;
    if (before !== undefined && table.columns.every(({ typeOid }) => before.types.has(typeOid)))
      return before;
    const found = await readTypeContext(this.#session, [table]);
    const types = new Map([...(before?.types ?? []), ...found.types]);
    this.#context = { ...found, types };
    return this.#context;
  }
}

function altered({ name }: TableDefinition): TableFailureReason {
  const message = `Table ${name.schema}.${name.table} was altered or dropped while it was compared.`;
  return { code: "TABLE_MISSING", message, fix: "Compare again." };
}

/** Text fields, so that the binary form of COPY, which is the fastest to parse, contains nothing else. */
function digestSql({ relation, codecs }: Shape, from: string): string {
  const columns = relation.columns.map(({ name, type }, index) => {
    const { long, digest } = digestOf(type, codecs[index]?.digest);
    return { canonical: digest(quoteIdentifier(name)), field: long?.(`f${index}`) ?? `f${index}` };
  });
  const texts = columns.map(({ canonical }, index) => `(${canonical}) AS f${index}`);
  // OFFSET 0 keeps the planner from computing a text once per reference to it.
  return `COPY (SELECT ${columns.map(({ field }) => field).join(", ")}
    FROM (SELECT ${texts.join(", ")} FROM ${from} OFFSET 0) AS t) TO STDOUT (FORMAT binary)`;
}

/** `digest`: the expression to select for the column; `long`: its field, if it may be too long to be sent. */
function digestOf({ kind }: LogicalType, digest: Digest = () => "NULL"): { digest: Digest; long?: Digest } {
  if (kind === "bytes") return { digest: (column) => `${column}::bytea`, long: bytesField };
  if (kind === "text" || kind === "json")
    return { digest: (column) => `(${digest(column)})::text`, long: textField };
  return { digest: (column) => `(${digest(column)})::text` };
}

function fieldsAt(region: Uint8Array, offset: number, { relation }: Shape): (string | null)[] {
  const bytes = Buffer.from(region.buffer, region.byteOffset, region.byteLength);
  let at = offset + 2;
  return relation.columns.map(({ type: { kind } }) => {
    const length = int32At(region, at);
    at += 4;
    if (length < 0) return null;
    const text = bytes.toString("utf8", at, at + length);
    at += length;
    if (kind === "text" || kind === "json" || kind === "bytes") return text;
    return shortField(kind === "float32" || kind === "float64" ? floatText(text) : text);
  });
}

/** A float as JavaScript prints it. */
function floatText(text: string): string {
  const value = Number(text);
  return Object.is(value, -0) ? "-0" : String(value);
}
