import { expect, test } from "vitest";
import type { WarehouseDatabase } from "../../target/target.ts";
import { isReserved } from "../../target/duckdb/tables/reserved-names.ts";
import { destinationName } from "./stream-name.ts";

type Orphan = Extract<WarehouseDatabase, { kind: "orphan" }>;

interface Circumstances {
  readonly taken?: readonly string[];
  readonly promised?: readonly string[];
  readonly orphans?: readonly Orphan[];
  readonly owned?: string;
  readonly tag?: string;
  readonly isOneOfSeveral?: boolean;
}

function named(sourceDatabase: string, circumstances: Circumstances = {}): string {
  const { taken = [], promised = [], orphans = [], owned, tag, isOneOfSeveral = false } = circumstances;
  const tags = tag === undefined ? [] : [{ key: "zeroetl:database", value: tag }];
  const ownedBy = (integrationId: string, name: string): WarehouseDatabase => ({
    name,
    kind: "owned",
    stream: { integrationId, sourceDatabase },
  });
  const own = owned === undefined ? [] : [ownedBy("uuid", owned)];
  return destinationName(
    {
      integration: { id: "uuid", name: "my-int", sourceArn: "arn:shop", tags },
      sourceDatabase,
      isOneOfSeveral,
    },
    {
      databases: [
        { name: "dev", kind: "other" },
        ...taken.map((name) => ownedBy("another", name)),
        ...orphans,
        ...own,
      ],
      isReserved,
      promised: new Set(promised),
    },
  );
}

function orphan(name: string, source = "arn:shop", sourceDatabase = "shop"): Orphan {
  return { name, kind: "orphan", origin: { source, sourceDatabase }, isVacant: false };
}

test("a destination database is named after the source database", () => {
  expect(named("shop", { taken: ["dev", "other"] })).toBe("shop");
});

test("a name that is taken or promised, in any case, gets the integration's name before it, then a number", () => {
  expect(named("shop", { taken: ["SHOP"] })).toBe("my-int_shop");
  expect(named("shop", { taken: ["shop"], promised: ["my-int_shop"] })).toBe("my-int_shop_2");
  expect(named("shop", { taken: ["shop", "my-int_shop", "my-int_shop_2"] })).toBe("my-int_shop_3");
});

test("names that the warehouse keeps for itself count as taken", () => {
  expect(named("dev")).toBe("my-int_dev");
  expect(named("Temp")).toBe("my-int_Temp");
  expect(named("_zeroetl")).toBe("my-int__zeroetl");
  expect(named("_ZeroETL_1")).toBe("my-int__ZeroETL_1");
});

test("the database that an earlier integration left is taken again, of the same database of the same source", () => {
  expect(named("shop", { orphans: [orphan("shop")] })).toBe("shop");
  expect(named("shop", { orphans: [orphan("a_shop"), orphan("shop")] })).toBe("shop");
  expect(named("shop", { orphans: [orphan("a_shop")] })).toBe("a_shop");
  expect(named("shop", { orphans: [orphan("shop")], promised: ["shop"] })).toBe("my-int_shop");
  expect(named("shop", { orphans: [orphan("shop", "arn:other")] })).toBe("my-int_shop");
  expect(named("shop", { orphans: [orphan("shop", "arn:shop", "crm")] })).toBe("my-int_shop");
  expect(
    named("shop", { orphans: [{ name: "shop", kind: "orphan", origin: undefined, isVacant: false }] }),
  ).toBe("my-int_shop");
});

test("a tag chooses the name, also one that is taken; several databases get a name each", () => {
  expect(named("shop", { tag: "eu", orphans: [orphan("shop")] })).toBe("eu");
  expect(named("shop", { tag: "other", taken: ["other"] })).toBe("other");
  expect(named("shop", { tag: "eu", isOneOfSeveral: true })).toBe("eu_shop");
});

test("the name of a database that another source left is free if readers see nothing in it", () => {
  const vacant = { ...orphan("shop", "arn:other"), isVacant: true };
  expect(named("shop", { orphans: [vacant] })).toBe("shop");
});

test("a name that was given once is kept", () => {
  expect(named("shop", { owned: "first", tag: "eu", orphans: [orphan("shop")] })).toBe("first");
});
