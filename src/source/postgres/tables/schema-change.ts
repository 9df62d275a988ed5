import type { TableFailureReason } from "../../../model/replication/block.ts";
import { type ColumnChange, sameColumns } from "../../../model/replication/column-change.ts";
import { sameType } from "../../../model/replication/logical-type.ts";
import type {
  Column,
  ColumnDefinition,
  ReplicaIdentity,
  TableDefinition,
} from "../../../model/replication/relation.ts";
import type { RelationMessage } from "../../../wire/postgres/pgoutput/stream.ts";
import type { CatalogColumn, CatalogTable } from "../catalog/catalog-table.ts";
import {
  followable,
  hashOf,
  nameOf,
  shapeOf,
  type Shape,
  type ShapeMemo,
  type TypeContext,
} from "../catalog/shape.ts";

/** The target's state of a table. */
export interface HeldTable {
  readonly definition: TableDefinition;
  readonly memo: ShapeMemo | undefined;
}

/** What must happen so that the target's table follows the source's. */
export type SchemaChange =
  | { readonly kind: "same"; readonly shape: Shape }
  /** Without changes of columns, it has another name or identity, or another memo for the target to store. */
  | { readonly kind: "altered"; readonly shape: Shape; readonly changes: readonly ColumnChange[] }
  /** The required form of the target's rows cannot be proved. */
  | { readonly kind: "recopy"; readonly shape: Shape }
  | { readonly kind: "failed"; readonly reason: TableFailureReason };

/** Derives the change from one version of a table, held by the target, to another one as the catalog describes it. */
export function followCatalog(held: HeldTable, now: CatalogTable, context: TypeContext): SchemaChange {
  const result = shapeOf(followable(now), context);
  if (result.kind === "failed") return result;
  const { shape } = result;
  if (now.membership === null) return notPublished(now);
  const { definition, memo } = held;
  if (memo === undefined || !isContinuous(memo, shape.memo, now)) return { kind: "recopy", shape };
  const changes = columnChanges(held, now, shape);
  if (changes === undefined) return { kind: "recopy", shape };
  const isSame =
    definition.memo === shape.relation.memo &&
    sameColumns(definition, shape.relation) &&
    sameIdentity(definition.identity, shape.relation.identity) &&
    definition.name.schema === now.schema &&
    definition.name.table === now.name;
  return isSame ? { kind: "same", shape } : { kind: "altered", shape, changes };
}

export function notPublished(table: CatalogTable): SchemaChange {
  const message = `Table ${nameOf(table)} was removed from the integration's publication.`;
  return { kind: "failed", reason: { code: "TABLE_NOT_PUBLISHED", message } };
}

/** Whether every change of rows between the two versions came through the stream. */
function isContinuous(before: ShapeMemo, after: ShapeMemo, now: CatalogTable): boolean {
  if (before.membership !== after.membership) return false;
  // Someone changed what is published, and perhaps changed it back: rows may have been left out in between.
  if ((before.publishedBy ?? after.publishedBy) !== after.publishedBy) return false;
  if (!hasSameTypes(before, now)) return false;
  if (!tellsKey(now) && before.key !== 0 && after.key !== 0 && before.key !== after.key) return false;
  // A rewrite without a change of columns (VACUUM FULL, CLUSTER, TRUNCATE) keeps or streams the rows.
  const isRewritten = before.storage !== after.storage;
  if (isRewritten && !sameVersions(before, after)) return false;
  return hasSamePartitions(before, after, now);
}

/**
 * Whether the stream's description of a table says which columns the key had when a row was written: not if whole rows
 * are sent; for a partitioned table, whose rows arrive with the identities of its partitions, only for the primary key.
 */
function tellsKey({ kind, identity }: Pick<CatalogTable, "kind" | "identity">): boolean {
  return kind === "p" ? identity === "d" : identity !== "f";
}

function sameVersions(before: ShapeMemo, after: ShapeMemo): boolean {
  return JSON.stringify(before.columns) === JSON.stringify(after.columns);
}

/** An enum may get labels; any other change of a type changes the contents of rows that were written before. */
function hasSameTypes({ types = [] }: ShapeMemo, now: CatalogTable): boolean {
  return types.every(([oid, count, hash]) => {
    const type = now.types.find((each) => each.oid === oid);
    if (type === undefined) return true;
    const parts = type.isEnum ? type.parts.slice(0, count) : type.parts;
    return hashOf(parts) === hash;
  });
}

/**
 * Rows are not streamed if a partition was attached with them, detached, dropped, truncated or rewritten on its own.
 */
function hasSamePartitions(before: ShapeMemo, after: ShapeMemo, now: CatalogTable): boolean {
  const held = new Set(before.partitions);
  const added = after.partitions.filter((partition) => !held.has(partition));
  if (after.partitions.length - added.length !== before.partitions.length) return false;
  const streamed = now.partitions.filter((each) => each.isBornAttached || each.isEmpty === true);
  const oids = new Set(streamed.map(({ oid }) => String(oid)));
  return added.every((partition) => oids.has(partition.split(":")[0] ?? ""));
}

export function sameIdentity(a: ReplicaIdentity, b: ReplicaIdentity): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** In an order in which they can be applied; undefined if values would have to change. */
function columnChanges(
  { definition: held, memo }: HeldTable,
  now: CatalogTable,
  { relation }: Shape,
): readonly ColumnChange[] | undefined {
  const generated = memo?.generated ?? [];
  const before = new Map(held.columns.map((column) => [column.id, column]));
  const after = new Map(relation.columns.map((column) => [column.id, column]));
  const kept: { from: ColumnDefinition; to: Column }[] = [];
  for (const from of held.columns) {
    const to = after.get(from.id);
    if (to !== undefined) kept.push({ from, to });
  }
  if (!kept.every(({ from, to }) => keepsValues(from, to))) return undefined;
  const dropped = held.columns
    .filter(({ id }) => !after.has(id))
    .map(({ name }) => ({ kind: "dropped", name }) as const);
  const added: ColumnChange[] = [];
  for (const [index, column] of relation.columns.entries()) {
    if (before.has(column.id)) continue;
    // Rows have had values in it all along, which the stream did not carry.
    if (generated.includes(column.id)) return undefined;
    const missing = now.columns[index]?.missing ?? null;
    added.push({ kind: "added", column, fill: missing === null ? null : Buffer.from(missing, "hex") });
  }
  const retyped = kept
    .filter(({ from, to }) => !sameType(from.type, to.type) || from.sourceType !== to.sourceType)
    .map(({ from, to }) => ({ kind: "retyped", column: to, from }) as const);
  return [...dropped, ...renames(kept), ...retyped, ...added];
}

/** Swapping names requires a temporary third one. */
function renames(kept: readonly { from: ColumnDefinition; to: Column }[]): ColumnChange[] {
  const renamed = kept.filter(({ from, to }) => from.name !== to.name);
  const taken = new Set(renamed.map(({ from }) => from.name));
  const names = new Set(kept.flatMap(({ from, to }) => [from.name, to.name]));
  const first: ColumnChange[] = [];
  const second: ColumnChange[] = [];
  for (const { from, to } of renamed)
    if (taken.has(to.name)) {
      let between = `_zeroetl_${from.id}`;
      while (names.has(between)) between += "_";
      first.push({ kind: "renamed", from: from.name, to: between });
      second.push({ kind: "renamed", from: between, to: to.name });
    } else second.push({ kind: "renamed", from: from.name, to: to.name });
  return [...first, ...second];
}

const lengthTypes = /^(text|character varying(\(\d+\))?)$/;
const modifierOf = /\([^)]*\)/;

/**
 * Whether values of the old type are the same values in the new one, given that the table was not rewritten: another
 * modifier of one type, or text with and without a limit. Other types that share their bytes may have another meaning.
 */
function keepsValues(from: ColumnDefinition, to: ColumnDefinition): boolean {
  const [a, b] = [from.sourceType, to.sourceType];
  const isOneType =
    a.replace(modifierOf, "") === b.replace(modifierOf, "") || (lengthTypes.test(a) && lengthTypes.test(b));
  if (!isOneType) return false;
  if (from.type.kind === "decimal" && to.type.kind === "decimal")
    return from.type.scale === to.type.scale && from.type.precision <= to.type.precision;
  return sameType(from.type, to.type);
}

/**
 * The table as it was where the stream described it: the description has names and types, and the catalog, which is
 * read later, identifies the columns. Undefined if that cannot be proved; `behind` if the catalog has not got there yet
 * (a commit is in the stream before it is visible to everyone).
 */
export function describedTable(
  held: HeldTable,
  now: CatalogTable,
  message: RelationMessage,
): CatalogTable | "behind" | undefined {
  const ids = columnIds(held.definition, now, message);
  if (ids === undefined || ids === "behind") return ids;
  const described = message.columns.map(({ name, typeOid, modifier }, index): CatalogColumn => {
    const id = ids[index] ?? 0;
    const known = now.columns.find((column) => column.id === id);
    return { id, name, typeOid, modifier, missing: known?.missing ?? null, xid: known?.xid ?? 0 };
  });
  const { schema, table: name } = message;
  const identity = identityFields(held, now, { message, columns: described });
  const generated = generatedColumns(held, now, described);
  if (isDescribedBy(now, message))
    return { ...now, schema, name, columns: described, generated, ...identity };
  // The catalog is ahead: what it says about rewriting belongs to columns that are still to come.
  const columns = described.map((column) => ({ ...column, xid: heldXid(held, column) ?? column.xid }));
  const storage = held.memo?.storage ?? now.storage;
  return { ...now, schema, name, columns, generated, storage, ...identity };
}

/** Columns that are generated, or were until after the description. */
function generatedColumns(
  { memo }: HeldTable,
  now: CatalogTable,
  described: readonly CatalogColumn[],
): readonly number[] {
  const ids = new Set([...(memo?.generated ?? []), ...now.generated]);
  for (const { id } of described) ids.delete(id);
  return [...ids].toSorted((a, b) => a - b);
}

/** The transaction that last changed the column, as far as the target's version of the table knows. */
function heldXid(
  { definition, memo }: HeldTable,
  { id, name, typeOid, modifier }: CatalogColumn,
): number | undefined {
  const index = definition.columns.findIndex((column) => column.id === id && column.name === name);
  const [heldType, heldModifier, xid] = memo?.columns[index] ?? [];
  return heldType === typeOid && heldModifier === modifier ? xid : undefined;
}

function isDescribedBy(table: CatalogTable, { columns }: RelationMessage): boolean {
  return (
    columns.length === table.columns.length &&
    columns.every(({ name, typeOid, modifier }, index) => {
      const column = table.columns[index];
      return column?.name === name && column.typeOid === typeOid && column.modifier === modifier;
    })
  );
}

/**
 * attnums of the described columns, in order. Columns are described in the order of their attnums, which are never
 * reused.
 */
function columnIds(
  held: TableDefinition,
  now: CatalogTable,
  message: RelationMessage,
): readonly number[] | "behind" | undefined {
  const { columns } = message;
  const heldIds = held.columns.map(({ id }) => id);
  const nowIds = now.columns.map(({ id }) => id);
  // Columns that existed before and still exist also existed in between.
  const lasting = heldIds.filter((id) => nowIds.includes(id));
  if (lasting.length === columns.length) return lasting;
  const lastHeld = Math.max(0, ...heldIds);
  const lastNow = Math.max(0, ...nowIds, ...now.dropped);
  if (lastNow <= lastHeld && columns.length === heldIds.length) return heldIds;
  if (!isDescribedBy(now, message)) return lastNow <= lastHeld ? "behind" : undefined;
  // Columns could have been dropped and created again under their names after the description. Transaction ids do not
  // help: the same transaction could have done it, or one that began earlier and committed later.
  return now.dropped.some((id) => heldIds.includes(id) || id > lastHeld) ? undefined : nowIds;
}

const identityLetters = { default: "d", index: "i", full: "f", nothing: "n" } as const;

function identityFields(
  { memo }: HeldTable,
  now: CatalogTable,
  described: { readonly message: RelationMessage; readonly columns: readonly CatalogColumn[] },
): Pick<CatalogTable, "identity" | "primaryKey" | "identityIndex"> {
  const { message, columns } = described;
  const identity = identityLetters[message.identity];
  if (!tellsKey({ kind: now.kind, identity })) {
    // The key that identifies the target's rows, for as long as the catalog still has that index; otherwise whole rows,
    // which are always correct. A key that is new to us is applied at the next catalog check.
    const primaryKey = now.primaryKey?.oid === memo?.key ? now.primaryKey : null;
    return { identity, primaryKey, identityIndex: null };
  }
  const ids = columns.filter((_, index) => message.columns[index]?.isKey === true).map(({ id }) => id);
  const known = identity === "i" ? now.identityIndex : now.primaryKey;
  const index = ids.length === 0 ? null : { oid: known?.oid ?? memo?.key ?? 0, columns: ids };
  return {
    identity,
    primaryKey: identity === "i" ? now.primaryKey : index,
    identityIndex: identity === "i" ? index : null,
  };
}
