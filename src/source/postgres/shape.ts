import { createHash } from "node:crypto";
import type { TableFailureReason } from "../../model/block.ts";
import { sameType } from "../../model/logical-type.ts";
import type { Column, Relation, ReplicaIdentity, TableDefinition } from "../../model/relation.ts";
import { codecFor, type ColumnCodec, type PgSession } from "../../wire/pg-type.ts";
import { pgTypesFrom, pgTypesSql, type PgType, type PgTypes } from "../../wire/pg-type-query.ts";
import type { CatalogColumn, CatalogTable } from "./catalog-table.ts";
import type { Session } from "./session.ts";

/** What it takes to turn bytes of this source into values. */
export interface TypeContext extends PgSession {
  readonly types: PgTypes;
}

/** Types that columns can have, with all that they are made of. Unknown ones are simply not there. */
export async function readTypes(session: Session, oids: Iterable<number>): Promise<PgTypes> {
  const rows = await session.rows<{ type: PgType }>(pgTypesSql, [[...new Set(oids)]]);
  return pgTypesFrom(rows);
}

/** The table as far as its changes go: what is only needed to copy it does not matter once it has been copied. */
export function followable(table: CatalogTable): CatalogTable {
  return { ...table, isReadable: true, hasRowSecurity: false };
}

/**
 * What the target keeps for us beside a table: how it lay in the source's catalog when the target held it. From it a
 * restart knows whether a table was rewritten, or left the publication and came back, while nobody looked.
 */
export interface ShapeMemo {
  /** Type oid, modifier and last changing transaction of each column. */
  readonly columns: readonly (readonly [typeOid: number, modifier: number, xid: number])[];
  readonly storage: number;
  /** The index that makes up the identity; 0 for whole rows. */
  readonly key: number;
  readonly membership: number;
  /** Absent in memos of older versions, as are the three that follow: then nothing is known of it. */
  readonly publishedBy?: number;
  /** The table's replica identity, as the catalog writes it. */
  readonly identity?: string;
  readonly generated?: readonly number[];
  /** Oid, number of parts, and a hash of them, for each type that people can change. */
  readonly types?: readonly (readonly [oid: number, parts: number, hash: string])[];
  /** `oid:xid of attaching:storage` of each partition. */
  readonly partitions: readonly string[];
}

/** One version of a table: the relation, and what the catalog said of it. */
export interface Shape {
  readonly relation: Relation;
  readonly memo: ShapeMemo;
  readonly codecs: readonly ColumnCodec[];
}

export type ShapeResult =
  | { readonly kind: "shape"; readonly shape: Shape }
  | { readonly kind: "failed"; readonly reason: TableFailureReason };

/** The table as a relation, or why it cannot be replicated. */
export function shapeOf(table: CatalogTable, context: TypeContext): ShapeResult {
  const identity = identityOf(table);
  const refused = refusalOf(table) ?? (identity === undefined ? withoutKey(table) : undefined);
  if (refused !== undefined || identity === undefined)
    return { kind: "failed", reason: refused ?? withoutKey(table) };
  const codecs: ColumnCodec[] = [];
  const columns: Column[] = [];
  for (const column of table.columns) {
    const codec = codecOf(column, context);
    if ("unsupported" in codec)
      return failed(
        "TABLE_UNSUPPORTED_TYPE",
        `Column ${column.name} of ${nameOf(table)}: ${codec.unsupported}.`,
      );
    codecs.push(codec);
    columns.push(columnOf(column, codec));
  }
  const memo = memoOf(table, identity.index);
  const relation = relationOf({
    id: String(table.oid),
    name: { schema: table.schema, table: table.name },
    columns,
    identity: identity.identity,
    memo: JSON.stringify(memo),
  });
  return { kind: "shape", shape: { relation, memo, codecs } };
}

/**
 * What an earlier run left, with decoders; undefined where its types are not there any more, or are read differently
 * now.
 */
export function heldRelation(definition: TableDefinition, context: TypeContext): Relation | undefined {
  const memo = readMemo(definition);
  if (memo === undefined || memo.columns.length !== definition.columns.length) return undefined;
  const columns: Column[] = [];
  for (const [index, column] of definition.columns.entries()) {
    const [typeOid, modifier] = memo.columns[index] ?? [0, -1];
    const codec = codecOf({ typeOid, modifier }, context);
    if ("unsupported" in codec || !sameType(codec.type, column.type)) return undefined;
    columns.push(columnOf(column, codec));
  }
  return relationOf({ ...definition, columns });
}

function relationOf(relation: Relation): Relation {
  return Object.freeze(relation);
}

export function codecOf(
  { typeOid, modifier }: Pick<CatalogColumn, "typeOid" | "modifier">,
  context: TypeContext,
): ReturnType<typeof codecFor> {
  if (!context.types.has(typeOid)) return { unsupported: `its type ${typeOid} does not exist` };
  return codecFor(context.types, { oid: typeOid, modifier }, context);
}

export function columnOf(column: Pick<CatalogColumn, "id" | "name">, codec: ColumnCodec): Column {
  const { type, sourceType, decode } = codec;
  return { id: column.id, name: column.name, type, sourceType, decode };
}

export function memoOf(table: CatalogTable, key: number): ShapeMemo {
  return {
    columns: table.columns.map(({ typeOid, modifier, xid }) => [typeOid, modifier, xid] as const),
    storage: table.storage,
    key,
    membership: table.membership?.oid ?? 0,
    publishedBy: table.membership?.publishedBy ?? 0,
    identity: table.identity,
    generated: table.generated,
    types: table.types.map(({ oid, parts }) => [oid, parts.length, hashOf(parts)] as const),
    partitions: table.partitions.map(({ oid, attachedBy, storage }) => `${oid}:${attachedBy}:${storage}`),
  };
}

/** Of labels or fields, to tell whether they are others now. */
export function hashOf(parts: readonly string[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("base64").slice(0, 16);
}

/** What an earlier run left with the target, if it did. */
export function readMemo({ memo }: TableDefinition): ShapeMemo | undefined {
  return memo === undefined ? undefined : (JSON.parse(memo) as ShapeMemo);
}

export interface CatalogIdentity {
  readonly identity: ReplicaIdentity;
  /** Oid of its index, 0 for whole rows. */
  readonly index: number;
}

/** What finds a row of the table again; undefined if its changes do not tell. */
export function identityOf(table: CatalogTable): CatalogIdentity | undefined {
  const index = table.identity === "i" ? table.identityIndex : table.primaryKey;
  const columns = index?.columns
    .map((id) => table.columns.findIndex((column) => column.id === id))
    .toSorted((a, b) => a - b);
  const hasKey = index !== null && columns !== undefined && !columns.includes(-1);
  switch (table.identity) {
    case "d":
    case "i":
      return hasKey ? { identity: { kind: "key", columns }, index: index.oid } : undefined;
    case "f":
      // Whole old rows hold the key too, and a key finds a row faster than all of its values do.
      return hasKey
        ? { identity: { kind: "key", columns }, index: index.oid }
        : { identity: { kind: "row" }, index: 0 };
    case "n":
      return undefined;
  }
}

function withoutKey(table: CatalogTable): TableFailureReason {
  const why = table.identity === "n" ? "has REPLICA IDENTITY NOTHING" : "has no primary key";
  return {
    code: "TABLE_WITHOUT_KEY",
    message: `Table ${nameOf(table)} ${why}, so its updates and deletes would not say which row they mean.`,
  };
}

/** Reasons that have nothing to do with keys and types. */
function refusalOf(table: CatalogTable): TableFailureReason | undefined {
  const name = nameOf(table);
  const rules: readonly (readonly [boolean, string, string])[] = [
    [
      table.persistence === "u" || table.partitions.some((partition) => !partition.isLogged),
      "TABLE_UNSUPPORTED",
      `Table ${name} is unlogged or has unlogged or foreign partitions, whose changes PostgreSQL does not log.`,
    ],
    [
      table.kind === "p" && (table.primaryKey === null || table.identity !== "d"),
      "TABLE_WITHOUT_KEY",
      `Partitioned table ${name} needs a primary key and REPLICA IDENTITY DEFAULT.`,
    ],
    [
      table.partitions.some((partition) => !partition.sendsKey),
      "TABLE_WITHOUT_KEY",
      `A partition of table ${name} has a replica identity other than DEFAULT or FULL.`,
    ],
    [
      table.identity === "f" && table.isWholeRowRefused,
      "TABLE_UNSUPPORTED",
      `Table ${name} has REPLICA IDENTITY FULL and a generated column, which PostgreSQL 18 refuses to publish: use REPLICA IDENTITY DEFAULT.`,
    ],
    [
      table.hasRowSecurity,
      "TABLE_ROW_SECURITY",
      `Row level security of table ${name} hides rows from the user of the source's url.`,
    ],
    [!table.isReadable, "TABLE_PRIVILEGE", `The user of the source's url may not read table ${name}.`],
    [
      !table.isOwned && table.membership === null,
      "TABLE_PRIVILEGE",
      `The user of the source's url does not own table ${name} and so cannot publish it.`,
    ],
    [
      table.membership?.isRestricted === true,
      "TABLE_NOT_PUBLISHED",
      `The publication has table ${name} with a row filter or a column list.`,
    ],
  ];
  for (const [applies, code, message] of rules) if (applies) return { code, message };
  return undefined;
}

function failed(code: string, message: string): ShapeResult {
  return { kind: "failed", reason: { code, message } };
}

export function nameOf({ schema, name }: Pick<CatalogTable, "schema" | "name">): string {
  return `${schema}.${name}`;
}
