import { CodedError } from "../../base/errors.ts";
import { RowDigests, type TableDigest } from "../../model/digest.ts";
import type { TableDefinition } from "../../model/relation.ts";
import { int32At } from "../../wire/pg-bytes.ts";
import { readTables } from "./catalog-table.ts";
import { copyRows } from "./copy-rows.ts";
import { quoteIdentifier, quotedNameOf } from "./names.ts";
import type { Session } from "./session.ts";
import { shapeOf, type Shape } from "./shape.ts";
import { readTypeContext } from "./type-context.ts";

/** The session is in a transaction that sees the snapshot. */
export interface DigestRequest {
  readonly session: Session;
  readonly publication: string;
}

/**
 * The digest of a table as the session's snapshot has it. PostgreSQL writes the canonical text of every value, so that
 * a mistake of our decoders shows.
 */
export async function digestTable(
  { session, publication }: DigestRequest,
  definition: TableDefinition,
  signal: AbortSignal,
): Promise<TableDigest> {
  const oid = Number(definition.id);
  const table = (await readTables(session, { publication, oids: [oid] })).get(oid);
  if (table === undefined) throw changed(definition);
  const result = shapeOf(table, await readTypeContext(session, [table]));
  if (result.kind === "failed") throw changed(definition);
  const { shape } = result;
  const from = `${table.kind === "r" ? "ONLY " : ""}${quotedNameOf(table)}`;
  const digests = new RowDigests();
  for await (const { region, offsets } of copyRows({ session }, digestSql(shape, from), signal))
    for (const offset of offsets) digests.add(fieldsAt(region, offset, shape));
  return digests.result();
}

function changed({ name }: TableDefinition): CodedError {
  return new CodedError(
    "TABLE_MISSING",
    `Table ${name.schema}.${name.table} was altered or dropped while it was compared; try again.`,
  );
}

/** Fields of text, so that the binary form of COPY, which is fastest to take apart, holds nothing else. */
function digestSql({ relation, codecs }: Shape, from: string): string {
  const texts = relation.columns.map(
    ({ name }, index) => `(${codecs[index]?.digest(quoteIdentifier(name)) ?? "NULL"})::text`,
  );
  return `COPY (SELECT ${texts.join(", ")} FROM ${from}) TO STDOUT (FORMAT binary)`;
}

function fieldsAt(region: Uint8Array, offset: number, { relation }: Shape): (string | null)[] {
  const bytes = Buffer.from(region.buffer, region.byteOffset, region.byteLength);
  let at = offset + 2;
  return relation.columns.map(({ type }) => {
    const length = int32At(region, at);
    at += 4;
    if (length < 0) return null;
    const text = bytes.toString("utf8", at, at + length);
    at += length;
    return type.kind === "float32" || type.kind === "float64" ? floatText(text) : text;
  });
}

/** A float as JavaScript prints it. */
function floatText(text: string): string {
  const value = Number(text);
  return Object.is(value, -0) ? "-0" : String(value);
}
