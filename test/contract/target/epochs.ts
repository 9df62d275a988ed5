import { expect, test } from "vitest";
import { CodedError } from "../../../src/base/errors.ts";
import type { TargetEngine } from "../../../src/target/target.ts";
import {
  copySteps,
  deltaOf,
  eventStep,
  never,
  rowsStep,
  shopRequest,
  TestWarehouse,
} from "../../support/test-warehouse.ts";
import { asShown, contents, documents, filled } from "./samples.ts";

/** A greater epoch fences every earlier writer. */
export function epochsContract(engine: TargetEngine): void {
  test("opening a database fences its previous writer, even within a transaction", async () => {
    await using target = await filled(engine, [1, "a", 0]);
    await using first = await target.database();
    await first.apply(deltaOf([rowsStep(documents, { inserts: [[2, "b", 0]] })]), never);
    await using second = await target.database();
    const late = first.apply(deltaOf([rowsStep(documents, { inserts: [[3, "c", 0]] })], "2"), never);
    await expect(late).rejects.toMatchObject({ code: "TARGET_FENCED" });
    await expect(first.apply(deltaOf([], "3"), never)).rejects.toMatchObject({ code: "TARGET_FENCED" });
    await expect(first.failTable(documents, { code: "X", message: "x" })).rejects.toThrow(CodedError);
    await second.apply(deltaOf([rowsStep(documents, { inserts: [[4, "d", 0]] })], "2"), never);
    expect(await contents(target)).toEqual(asShown(["1", "a", "0"], ["4", "d", "0"]));
  });

  test("nothing that a fenced writer copied becomes visible", async () => {
    await using target = await TestWarehouse.open(engine);
    await using first = await target.database();
    const started = eventStep({ kind: "copy-started", relation: documents });
    await first.apply(deltaOf([started], "1"), never);
    await first.applyCopies(deltaOf([rowsStep(documents, { inserts: [[1, "a", 0]] })]), never);
    await using second = await target.database();
    await second.apply(deltaOf(copySteps(documents, [[2, "b", 0]]), "2"), never);
    // It may write where nobody looks; it need not notice.
    await first
      .applyCopies(deltaOf([rowsStep(documents, { inserts: [[3, "c", 0]] })], "1"), never)
      .catch((error: unknown) => expect(error).toBeInstanceOf(CodedError));
    await second.apply(deltaOf([], "3"), never);
    expect(await contents(target)).toEqual(asShown(["2", "b", "0"]));
  });

  test("an opening whose epoch is not greater than the last one is refused, and changes nothing", async () => {
    await using target = await TestWarehouse.open(engine);
    const open = (epoch: number) => target.warehouse.database({ ...shopRequest, epoch }, never);
    await using first = await open(7);
    await first.apply(deltaOf(copySteps(documents, [[1, "a", 0]]), "1"), never);
    for (const late of [7, 6]) await expect(open(late)).rejects.toMatchObject({ code: "TARGET_FENCED" });
    await first.apply(deltaOf([rowsStep(documents, { inserts: [[2, "b", 0]] })], "2"), never);
    await using second = await open(8);
    await expect(first.apply(deltaOf([], "3"), never)).rejects.toMatchObject({ code: "TARGET_FENCED" });
    expect(second.progress().checkpoint).toBe("2");
    await second.apply(deltaOf(copySteps(documents, [[3, "c", 0]]), "3"), never);
    expect(await contents(target)).toEqual(asShown(["3", "c", "0"]));
  });

  test("the epoch is stored: a late opening is refused after reopening, too", async () => {
    await using target = await TestWarehouse.open(engine);
    const open = (epoch: number) => target.warehouse.database({ ...shopRequest, epoch }, never);
    await (await open(7))[Symbol.asyncDispose]();
    await target.reopen();
    await expect(open(7)).rejects.toMatchObject({ code: "TARGET_FENCED" });
    await using next = await open(8);
    expect(next.progress().checkpoint).toBeUndefined();
  });

  test("a late opening does not take over an orphan", async () => {
    await using target = await filled(engine, [1, "a", 0]);
    await target.warehouse.release(shopRequest.stream, never);
    const stream = { integrationId: "another", sourceDatabase: "shop" };
    const late = target.warehouse.database({ ...shopRequest, stream, epoch: 1 }, never);
    await expect(late).rejects.toMatchObject({ code: "TARGET_FENCED" });
    for (let opening = 0; opening < 2; opening++) {
      expect(await target.warehouse.databases(never)).toContainEqual(
        expect.objectContaining({ name: "shop", kind: "orphan" }),
      );
      expect(await contents(target)).toEqual(asShown(["1", "a", "0"]));
      await target.reopen();
    }
    await using database = await target.warehouse.database({ ...shopRequest, stream }, never);
    expect(database.progress().tables).toEqual([]);
  });
}
