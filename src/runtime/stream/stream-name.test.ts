import { expect, test } from "vitest";
import type { OrphanedDatabase, StreamIdentity } from "../../target/target.ts";
import { isReserved } from "../../target/duckdb/tables/reserved-names.ts";
import { destinationName } from "./stream-name.ts";

interface Circumstances {
  readonly taken?: readonly string[];
  readonly promised?: readonly string[];
  readonly orphans?: readonly OrphanedDatabase[];
  readonly owned?: string;
  readonly tag?: string;
  readonly isOneOfSeveral?: boolean;
}

function named(sourceDatabase: string, circumstances: Circumstances = {}): string {
  const { taken = [], promised = [], orphans = [], owned, tag, isOneOfSeveral = false } = circumstances;
  const tags = tag === undefined ? [] : [{ key: "zeroetl:database", value: tag }];
  return destinationName({
    integration: { id: "uuid", name: "my-int", sourceArn: "arn:shop", tags },
    sourceDatabase,
    isOneOfSeveral,
    warehouse: {
      databaseOf: ({ integrationId }: StreamIdentity) => (integrationId === "uuid" ? owned : undefined),
      isReserved,
      orphans: () => orphans,
      takenNames: () => [...taken, ...orphans.map(({ name }) => name)],
    },
    promised: new Set(promised),
  });
}

function orphan(name: string, source = "arn:shop", sourceDatabase = "shop"): OrphanedDatabase {
  return { name, origin: { source, sourceDatabase }, isVacant: false };
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
  expect(named("shop", { orphans: [{ name: "shop", origin: undefined, isVacant: false }] })).toBe(
    "my-int_shop",
  );
});

test("a tag chooses the name, also one that is taken; several databases get a name each", () => {
  expect(named("shop", { tag: "eu", orphans: [orphan("shop")] })).toBe("eu");
  expect(named("shop", { tag: "other", taken: ["other"] })).toBe("other");
  expect(named("shop", { tag: "eu", isOneOfSeveral: true })).toBe("eu_shop");
});

test("a name that was given once is kept", () => {
  expect(named("shop", { owned: "first", tag: "eu", orphans: [orphan("shop")] })).toBe("first");
});
