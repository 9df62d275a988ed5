import { expect, test } from "vitest";
import { destinationName } from "./stream-name.ts";

const named = (sourceDatabase: string, ...taken: string[]): string =>
  destinationName({ sourceDatabase, integrationName: "my-int", taken });

test("a destination database is named after the source database", () => {
  expect(named("shop", "dev", "other")).toBe("shop");
});

test("a name that is taken, in any case, gets the integration's name before it, then a number", () => {
  expect(named("shop", "SHOP")).toBe("my-int_shop");
  expect(named("shop", "shop", "my-int_shop")).toBe("my-int_shop_2");
  expect(named("shop", "shop", "my-int_shop", "my-int_shop_2")).toBe("my-int_shop_3");
});

test("names that the warehouse keeps for itself count as taken", () => {
  expect(named("dev")).toBe("my-int_dev");
  expect(named("Temp")).toBe("my-int_Temp");
});
