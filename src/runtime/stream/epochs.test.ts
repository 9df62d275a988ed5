import { expect, test } from "vitest";
import { Epochs } from "./epochs.ts";

/** Reserves blocks as a catalog does. */
class Reservations {
  made = 0;
  isAway = false;
  #next = 5_000;

  reserveEpochs = async (count: number): Promise<number> => {
    if (this.isAway) throw new Error("connection refused");
    this.made += 1;
    this.#next += count;
    return this.#next - count;
  };
}

test("epochs grow from block to block, and no two are equal", async () => {
  const catalog = new Reservations();
  const epochs = new Epochs(catalog);
  const taken = await Promise.all(Array.from({ length: 2_500 }, () => epochs.next()));
  expect(taken).toEqual(Array.from({ length: 2_500 }, (_, index) => 5_000 + index));
  expect(catalog.made).toBe(3);
  expect(await new Epochs(catalog).next()).toBe(8_000);
});

test("a catalog that is away is needed only for the next block", async () => {
  const catalog = new Reservations();
  const epochs = new Epochs(catalog);
  await epochs.next();
  catalog.isAway = true;
  for (let more = 1; more < 1_000; more++) expect(await epochs.next()).toBe(5_000 + more);
  await expect(epochs.next()).rejects.toMatchObject({ code: "CATALOG_FAILED" });
  catalog.isAway = false;
  expect(await epochs.next()).toBe(6_000);
});
