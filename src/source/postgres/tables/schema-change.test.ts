import { expect, test } from "vitest";
import type { PgType } from "../../../wire/postgres/types/type-query.ts";
import type { RelationMessage } from "../../../wire/postgres/pgoutput/stream.ts";
import type { CatalogColumn, CatalogTable } from "../catalog/catalog-table.ts";
import { describedTable, followCatalog, type HeldTable } from "./schema-change.ts";
import { shapeOf, type TypeContext } from "../catalog/shape.ts";

const int4 = 23;
const text = 25;
const int4Array = 1007;

function typeOf(oid: number, name: string, elementOid = 0): [number, PgType] {
  const type: PgType = {
    oid,
    name,
    schema: "pg_catalog",
    formatted: name,
    extension: null,
    kind: "base",
    category: elementOid === 0 ? "U" : "A",
    delimiter: ",",
    elementOid,
    baseOid: 0,
    baseModifier: -1,
    rangeSubtypeOid: 0,
    fields: [],
    hasBinary: true,
    hasJsonCast: false,
  };
  return [oid, type];
}

const context: TypeContext = {
  types: new Map([typeOf(int4, "int4"), typeOf(text, "text"), typeOf(int4Array, "_int4", int4)]),
  moneyScale: 2,
};

function column(id: number, name: string, more: Partial<CatalogColumn> = {}): CatalogColumn {
  return { id, name, typeOid: int4, modifier: -1, missing: null, xid: 100, ...more };
}

function tableOf(columns: readonly CatalogColumn[], more: Partial<CatalogTable> = {}): CatalogTable {
  return {
    oid: 1000,
    schema: "public",
    name: "t",
    kind: "r",
    persistence: "p",
    identity: "d",
    storage: 1000,
    columns,
    dropped: [],
    generated: [],
    types: [],
    needsKey: false,
    omitsDefaults: false,
    primaryKey: { oid: 2000, columns: [1] },
    deferrableKey: null,
    uniqueIndex: null,
    identityIndex: null,
    partitions: [],
    ancestors: [],
    hasRowSecurity: false,
    isReadable: true,
    grant: null,
    isOwned: true,
    membership: { oid: 3000, publishedBy: 50, isRestricted: false },
    ...more,
  };
}

function held(table: CatalogTable): HeldTable {
  const result = shapeOf(table, context);
  if (result.kind === "failed") throw new Error(result.reason.message);
  return { definition: result.shape.relation, memo: result.shape.memo };
}

function messageOf({ columns, schema, name }: CatalogTable): RelationMessage {
  return {
    oid: 1000,
    schema,
    table: name,
    identity: "default",
    columns: columns.map(({ name: called, typeOid, modifier }) => ({
      name: called,
      typeOid,
      modifier,
      isKey: called === "id",
    })),
  };
}

const id = column(1, "id");
const a = column(2, "a");
const before = tableOf([id, a]);

function change(now: CatalogTable, from: CatalogTable = before) {
  return followCatalog(held(from), now, context);
}

test("an unchanged table stays as it is", () => {
  expect(change(before).kind).toBe("same");
});

test("columns are told apart by their numbers: exchanged names are a change, and take a third name on the way", () => {
  const b = column(3, "b");
  const changed = change(
    tableOf([id, column(2, "b", { xid: 200 }), column(3, "a", { xid: 200 })]),
    tableOf([id, a, b]),
  );
  expect(changed).toMatchObject({
    kind: "altered",
    changes: [
      { kind: "renamed", from: "a", to: "_zeroetl_2" },
      { kind: "renamed", from: "b", to: "_zeroetl_3" },
      { kind: "renamed", from: "_zeroetl_2", to: "b" },
      { kind: "renamed", from: "_zeroetl_3", to: "a" },
    ],
  });
});

test("the third name of exchanged columns is none of the table's", () => {
  const taken = column(4, "_zeroetl_2");
  const changed = change(
    tableOf([id, column(2, "b", { xid: 200 }), column(3, "a", { xid: 200 }), taken]),
    tableOf([id, a, column(3, "b"), taken]),
  );
  expect(changed).toMatchObject({ changes: [{ from: "a", to: "_zeroetl_2_" }, {}, {}, {}] });
});

test("a column that was dropped and made again under its name is another one", () => {
  const now = tableOf([id, column(3, "a", { xid: 200 })], { dropped: [2] });
  expect(change(now)).toMatchObject({
    kind: "altered",
    changes: [
      { kind: "dropped", name: "a" },
      { kind: "added", fill: null },
    ],
  });
});

test("an added column fills old rows with the field that the catalog has", () => {
  const filled = tableOf([id, a, column(3, "b", { xid: 200, missing: "00000007" })]);
  const fill = Buffer.of(0, 0, 0, 7);
  expect(change(filled)).toMatchObject({ kind: "altered", changes: [{ kind: "added", fill }] });
});

test("a rewrite beside a change of columns makes a new copy, a rewrite alone does not", () => {
  expect(change(tableOf([id, a], { storage: 1001 })).kind).toBe("altered");
  expect(change(tableOf([id, column(2, "a", { xid: 200 })], { storage: 1001 })).kind).toBe("recopy");
  expect(change(tableOf([id, a, column(3, "b", { xid: 200 })], { storage: 1001 })).kind).toBe("recopy");
});

test("another type makes a new copy", () => {
  expect(change(tableOf([id, column(2, "a", { typeOid: text, xid: 200 })])).kind).toBe("recopy");
});

test("a table that left the publication fails, and one that came back is copied again", () => {
  expect(change(tableOf([id, a], { membership: null }))).toMatchObject({
    kind: "failed",
    reason: { code: "TABLE_NOT_PUBLISHED" },
  });
  expect(
    change(tableOf([id, a], { membership: { oid: 3001, publishedBy: 50, isRestricted: false } })).kind,
  ).toBe("recopy");
  expect(
    change(tableOf([id, a], { membership: { oid: 3000, publishedBy: 50, isRestricted: true } })).kind,
  ).toBe("failed");
});

test("another key is taken over, none fails the table", () => {
  const keyed = tableOf([id, a], { primaryKey: { oid: 2001, columns: [2, 1] } });
  expect(change(keyed)).toMatchObject({
    kind: "altered",
    changes: [],
    shape: { relation: { identity: { kind: "key", columns: [0, 1] } } },
  });
  expect(change(tableOf([id, a], { primaryKey: null }))).toMatchObject({
    reason: { code: "TABLE_WITHOUT_KEY" },
  });
});

test("a partition that was born as one is nothing new, one that was attached with rows makes a new copy", () => {
  const partition = {
    oid: 5,
    schema: "public",
    name: "p",
    storage: 5,
    attachedBy: 300,
    isBornAttached: true,
    sendsKey: true,
    sendsRow: false,
    isLogged: true,
    isForeign: false,
    isReadable: true,
  };
  const root = tableOf([id, a], { kind: "p", storage: 0, partitions: [partition] });
  const more = (isBornAttached: boolean, isEmpty = false): CatalogTable => ({
    ...root,
    partitions: [partition, { ...partition, oid: 6, storage: 6, isBornAttached, isEmpty }],
  });
  expect(change(more(true), root).kind).toBe("altered");
  expect(change(more(false), root).kind).toBe("recopy");
  expect(change(more(false, true), root).kind).toBe("altered");
  expect(change({ ...root, partitions: [] }, root).kind).toBe("recopy");
  expect(change({ ...root, partitions: [{ ...partition, storage: 7 }] }, root).kind).toBe("recopy");
});

function described(message: RelationMessage, now: CatalogTable): number[] | string | undefined {
  const table = describedTable(held(before), now, message);
  return typeof table === "object" ? table.columns.map((each) => each.id) : table;
}

test("a description is understood where columns that last are all of it, whatever was added later", () => {
  const now = tableOf([id, a, column(3, "b", { xid: 900 })]);
  expect(described(messageOf(before), now)).toEqual([1, 2]);
});

test("a description like the catalog is understood where columns were only added", () => {
  const now = tableOf([id, a, column(4, "b")], { dropped: [3] });
  const from = tableOf([id, a], { dropped: [3] });
  expect(described(messageOf(now), { ...now, dropped: [] })).toEqual([1, 2, 4]);
  expect(described(messageOf(from), now)).toEqual([1, 2]);
});

test("a name that was dropped and made again, before or after the description, is not guessed at", () => {
  const now = tableOf([id, column(3, "a")], { dropped: [2] });
  expect(described(messageOf(now), now)).toBeUndefined();
  const again = tableOf([id, a, column(4, "b")], { dropped: [3] });
  expect(described(messageOf(again), again)).toBeUndefined();
});

test("a catalog that does not show the change yet is behind", () => {
  const message = messageOf(tableOf([id, a, column(3, "b")]));
  expect(described(message, before)).toBe("behind");
});

test("what the catalog says of a later rewrite is kept for later", () => {
  const now = tableOf([id, a, column(3, "b", { xid: 900 })], { storage: 1001 });
  const table = describedTable(held(before), now, messageOf(before));
  if (typeof table !== "object") throw new Error("understood");
  expect(table.storage).toBe(1000);
  expect(followCatalog(held(table), now, context).kind).toBe("recopy");
});
