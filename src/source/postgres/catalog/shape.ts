import { createHash } from "node:crypto";
import type { TableFailureReason } from "../../../model/replication/block.ts";
import { sameType } from "../../../model/replication/logical-type.ts";
import type { Column, Relation, TableDefinition } from "../../../model/replication/relation.ts";
import { codecFor, type ColumnCodec, type PgSession } from "../../../wire/postgres/types/type.ts";
import {
  pgTypesFrom,
  pgTypesSql,
  type PgType,
  type PgTypes,
} from "../../../wire/postgres/types/type-query.ts";
import type { CatalogColumn, CatalogPartition, CatalogTable } from "./catalog-table.ts";
import { quotedNameOf } from "../names.ts";
import { identityOf, newKey, withoutIdentity } from "./replica-identity.ts";
import type { Session } from "../connection/session.ts";

/** Everything needed to turn bytes of this source into values. */
export interface TypeContext extends PgSession {
  readonly types: PgTypes;
}

/** The types of columns, with all component types. Unknown ones are omitted. */
export async function readTypes(session: Session, oids: Iterable<number>): Promise<PgTypes> {
  const rows = await session.rows<{ type: PgType }>(pgTypesSql, [[...new Set(oids)]]);
  return pgTypesFrom(rows);
}

/**
 * The table as far as its changes are concerned: properties needed only for copying do not matter once it has been
 * copied.
 */
export function followable(table: CatalogTable): CatalogTable {
  return { ...table, isReadable: true, hasRowSecurity: false };
}

/**
 * What the target stores for us with a table: its state in the source's catalog when the target held it. From it, a
 * restarted stream knows whether a table was rewritten, or left the publication and came back, in the meantime.
 */
export interface ShapeMemo {
  /** Type oid, modifier and last changing transaction of each column. */
  readonly columns: readonly (readonly [typeOid: number, modifier: number, xid: number])[];
  readonly storage: number;
  /** The index that makes up the identity; 0 for whole rows. */
  readonly key: number;
  readonly membership: number;
  /** Absent in memos of older versions, as are the three that follow: then it is unknown. */
  readonly publishedBy?: number;
  /** The table's replica identity, as the catalog writes it. */
  readonly identity?: string;
  readonly generated?: readonly number[];
  /** Oid, number of parts, and a hash of them, for each type that users can change. */
  readonly types?: readonly (readonly [oid: number, parts: number, hash: string])[];
  /** `oid:xid of attaching:storage` of each partition. */
  readonly partitions: readonly string[];
}

/** One version of a table: the relation, and the catalog's description of it. */
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
  const refused = refusalOf(table);
  if (refused !== undefined) return { kind: "failed", reason: refused };
  const identity = identityOf(table);
  if (identity === undefined) return { kind: "failed", reason: withoutIdentity(table) };
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
 * The relation that an earlier run left, with decoders; undefined if its types no longer exist, or are now read
 * differently.
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

type CodecResult = ReturnType<typeof codecFor>;

/** Few types occur in many columns. By type and modifier. */
const codecs = new WeakMap<TypeContext, Map<string, CodecResult>>();

export function codecOf(
  { typeOid, modifier }: Pick<CatalogColumn, "typeOid" | "modifier">,
  context: TypeContext,
): CodecResult {
  if (!context.types.has(typeOid)) return { unsupported: `its type ${typeOid} does not exist` };
  const known = codecs.get(context) ?? new Map<string, CodecResult>();
  codecs.set(context, known);
  const key = `${typeOid} ${modifier}`;
  const codec = known.get(key) ?? codecFor(context.types, { oid: typeOid, modifier }, context);
  known.set(key, codec);
  return codec;
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

/** Hash of labels or fields, to detect whether they have changed. */
export function hashOf(parts: readonly string[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("base64").slice(0, 16);
}

/** The memo that an earlier run left with the target, if any. */
export function readMemo({ memo }: TableDefinition): ShapeMemo | undefined {
  return memo === undefined ? undefined : (JSON.parse(memo) as ShapeMemo);
}

/** Reasons unrelated to keys and types. */
function refusalOf(table: CatalogTable): TableFailureReason | undefined {
  const name = nameOf(table);
  const rules: readonly (readonly [boolean, string, string, (string | undefined)?])[] = [
    [
      table.persistence === "u",
      "TABLE_UNSUPPORTED",
      `Table ${name} is unlogged: PostgreSQL does not log its changes.`,
      `ALTER TABLE ${quotedNameOf(table)} SET LOGGED;`,
    ],
    [
      table.partitions.some((partition) => !partition.isLogged),
      "TABLE_UNSUPPORTED",
      `Table ${name} has unlogged or foreign partitions: PostgreSQL does not log their changes.`,
      loggingFix(table.partitions),
    ],
    [
      table.columns.length === 0,
      "TABLE_UNSUPPORTED",
      `Table ${name} has no column whose values PostgreSQL sends.`,
      table.kind === "r" ? newKey(table) : undefined,
    ],
    [
      !table.isOwned && table.membership === null,
      "TABLE_PRIVILEGE",
      `The user of the source's url does not own table ${name} and so cannot publish it.`,
    ],
    [
      table.hasRowSecurity,
      "TABLE_ROW_SECURITY",
      `Row level security of table ${name} hides rows from the user of the source's url.`,
      table.grant ?? undefined,
    ],
    [
      !table.isReadable,
      "TABLE_PRIVILEGE",
      `The user of the source's url may not read table ${name}.`,
      table.grant ?? undefined,
    ],
    [
      table.membership?.isRestricted === true,
      "TABLE_NOT_PUBLISHED",
      `The publication has table ${name} with a row filter or a column list.`,
    ],
  ];
  for (const [applies, code, message, fix] of rules)
    if (applies) return { code, message, ...(fix !== undefined && { fix }) };
  return undefined;
}

function loggingFix(partitions: readonly CatalogPartition[]): string | undefined {
  const unlogged = partitions.filter((partition) => !partition.isLogged);
  // A foreign table cannot become an ordinary one.
  if (unlogged.some(({ isForeign }) => isForeign)) return undefined;
  return unlogged.map((partition) => `ALTER TABLE ${quotedNameOf(partition)} SET LOGGED;`).join(" ");
}

function failed(code: string, message: string): ShapeResult {
  return { kind: "failed", reason: { code, message } };
}

export function nameOf({ schema, name }: Pick<CatalogTable, "schema" | "name">): string {
  return `${schema}.${name}`;
}
