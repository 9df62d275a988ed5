import { expect, test } from "vitest";
import { CodedError } from "../../base/errors.ts";
import type { WarehouseDatabase } from "../../target/target.ts";
import { DestinationNames } from "./destination-names.ts";

const never = new AbortController().signal;

interface Question {
  readonly answer: (databases: readonly WarehouseDatabase[]) => void;
  readonly fail: (error: Error) => void;
}

/** A warehouse whose answers the test gives. */
class SlowWarehouse {
  readonly questions: Question[] = [];

  databases = (): Promise<readonly WarehouseDatabase[]> =>
    new Promise((answer, fail) => {
      this.questions.push({ answer, fail });
    });

  isReserved = (): boolean => false;

  async answer(index: number, databases: readonly WarehouseDatabase[]): Promise<void> {
    await expect.poll(() => this.questions.length).toBe(index + 1);
    this.questions[index]?.answer(databases);
  }
}

const streamOf = (id: string) => ({
  integration: { id, name: `int-${id}`, sourceArn: "arn:shop", tags: [] },
  sourceDatabase: "shop",
  isOneOfSeveral: false,
});
const left: WarehouseDatabase = {
  name: "shop",
  kind: "orphan",
  origin: { source: "arn:shop", sourceDatabase: "shop" },
  isVacant: false,
};

test("streams that ask at once get different names, and only one gets an orphan", async () => {
  const warehouse = new SlowWarehouse();
  const names = new DestinationNames(warehouse);
  const chosen = Promise.all(["a", "b"].map((id) => names.promise(streamOf(id), never)));
  await warehouse.answer(0, [left]);
  await warehouse.answer(1, [left]);
  expect(await chosen).toEqual(["shop", "int-b_shop"]);
});

test("a name that is given back while the warehouse answers is not given in that answer", async () => {
  const warehouse = new SlowWarehouse();
  const names = new DestinationNames(warehouse);
  const first = names.promise(streamOf("a"), never);
  await warehouse.answer(0, []);
  expect(await first).toBe("shop");
  const second = names.promise(streamOf("b"), never);
  await expect.poll(() => warehouse.questions.length).toBe(2);
  names.giveBack("shop");
  // The stream has created its database since then.
  await warehouse.answer(1, []);
  expect(await second).toBe("int-b_shop");
});

test("a running stream keeps its name while its database does not exist, and a promise stands until given back", async () => {
  const warehouse = new SlowWarehouse();
  const names = new DestinationNames(warehouse);
  const first = names.promise(streamOf("a"), never);
  await warehouse.answer(0, []);
  await first;
  expect(names.isStill("shop", streamOf("a"), [])).toBe(true);
  expect(names.isStill("shop", { ...streamOf("a"), sourceDatabase: "crm" }, [])).toBe(false);
  names.giveBack("shop");
  const second = names.promise(streamOf("b"), never);
  await warehouse.answer(1, []);
  expect(await second).toBe("shop");
});

test("a warehouse that does not answer keeps no later choice from being made", async () => {
  const warehouse = new SlowWarehouse();
  const names = new DestinationNames(warehouse);
  const first = names.promise(streamOf("a"), never);
  const second = names.promise(streamOf("b"), never);
  await expect.poll(() => warehouse.questions.length).toBe(1);
  warehouse.questions[0]?.fail(new CodedError("TARGET_FAILED", "It does not answer."));
  await expect(first).rejects.toMatchObject({ code: "TARGET_FAILED" });
  await warehouse.answer(1, []);
  expect(await second).toBe("shop");
});
