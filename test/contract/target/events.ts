import { expect, test } from "vitest";
import { present } from "../../../src/base/assert.ts";
import type { ColumnChange } from "../../../src/model/replication/column-change.ts";
import type { DeltaStep } from "../../../src/model/replication/delta.ts";
import type { Relation } from "../../../src/model/replication/relation.ts";
import { TableError } from "../../../src/model/replication/table-error.ts";
import type { TargetEngine } from "../../../src/target/target.ts";
import { encoded, impossible, plainColumn, plainRelation } from "../../support/plain-tuples.ts";
import {
  copySteps,
  deltaOf,
  eventStep,
  never,
  rowsStep,
  TestWarehouse,
} from "../../support/test-warehouse.ts";
import { asShown, contents, copyParts, documents, filled, int, rejection, text } from "./samples.ts";

/** The events of tables. */
export function eventsContract(engine: TargetEngine): void {
  copyEvents(engine);
  alterations(engine);
  endings(engine);
  measures(engine);
}

function copyEvents(engine: TargetEngine): void {
  test("a table that is being copied is hidden until it is revealed", async () => {
    await using target = await TestWarehouse.open(engine);
    await using database = await target.database();
    const { started, rows, finished, revealed } = copyParts(documents, [[1, "a", 0]]);
    const phases: string[] = [];
    for (const [index, step] of [started, rows, finished].entries()) {
      await database.apply(deltaOf([step], String(index)), never);
      expect(await contents(target)).toBeUndefined();
      phases.push(present(database.progress().tables[0], "the table is known").phase.kind);
      expect(database.progress().tables).toMatchObject([{ visible: false }]);
    }
    expect(phases).toEqual(["copying", "copying", "copied"]);
    await database.apply(deltaOf([revealed], "3"), never);
    expect(await contents(target)).toEqual(asShown(["1", "a", "0"]));
    expect(database.progress().tables).toMatchObject([
      { phase: { kind: "synced", position: "copy" }, visible: true },
    ]);
  });

  test("a copied table takes changes before it is revealed", async () => {
    await using target = await TestWarehouse.open(engine);
    await using database = await target.database();
    const { started, rows, finished, revealed } = copyParts(documents, [[1, "a", 0]]);
    await database.apply(deltaOf([started, rows, finished], "1"), never);
    await database.apply(deltaOf([rowsStep(documents, { inserts: [[2, "b", 0]] })], "2"), never);
    await database.apply(deltaOf([revealed], "3"), never);
    expect(await contents(target)).toEqual(asShown(["1", "a", "0"], ["2", "b", "0"]));
  });

  test("tables revealed in one delta are seen when it commits, and their old copies until then", async () => {
    await using target = await TestWarehouse.open(engine);
    await using database = await target.database();
    const a = plainRelation({ id: "a", columns: { id: int }, key: ["id"] });
    const b = plainRelation({ id: "b", columns: { id: int }, key: ["id"] });
    const seen = async () => [await contents(target, a), await contents(target, b)];
    await database.apply(deltaOf([...copySteps(a, [[1]]), ...copySteps(b, [[1]])], "1"), never);
    const again = (relation: Relation): DeltaStep[] => copySteps(relation, [[2], [3]]).slice(0, 3);
    await database.apply(deltaOf([...again(a), ...again(b)], "2"), never);
    const old = [asShown(["1"]), asShown(["1"])];
    expect(await seen()).toEqual(old);
    expect(database.progress().tables).toMatchObject([{ visible: true }, { visible: true }]);
    await database.apply(deltaOf([eventStep({ kind: "revealed", relation: a })]), never);
    expect(await seen()).toEqual(old);
    await database.apply(deltaOf([eventStep({ kind: "revealed", relation: b })], "3"), never);
    expect(await seen()).toEqual([asShown(["2"], ["3"]), asShown(["2"], ["3"])]);
  });

  test("a copy that starts again begins empty", async () => {
    await using target = await TestWarehouse.open(engine);
    await using database = await target.database();
    const { started, rows } = copyParts(documents, [[1, "a", 0]]);
    await database.apply(deltaOf([started, rows], "1"), never);
    await database.apply(deltaOf(copySteps(documents, [[1, "again", 0]]), "2"), never);
    expect(await contents(target)).toEqual(asShown(["1", "again", "0"]));
  });

  test("a truncated table is empty, and takes rows", async () => {
    await using target = await filled(engine, [1, "a", 0]);
    await using database = await target.database();
    const truncated = eventStep({ kind: "truncated", relation: documents });
    await database.apply(deltaOf([truncated], "2"), never);
    expect(await contents(target)).toEqual([]);
    const steps = [
      rowsStep(documents, { inserts: [[1, "b", 0]] }),
      truncated,
      rowsStep(documents, { inserts: [[1, "c", 0]] }),
    ];
    await database.apply(deltaOf(steps, "3"), never);
    expect(await contents(target)).toEqual(asShown(["1", "c", "0"]));
  });
}

function altered(relation: Relation, changes: readonly ColumnChange[]): DeltaStep {
  return eventStep({ kind: "altered", relation, changes });
}

function alterations(engine: TargetEngine): void {
  test("columns are added, dropped, renamed and retyped, and rows follow in the new shape", async () => {
    await using target = await filled(engine, [1, "a", 10], [2, null, null]);
    await using database = await target.database();
    const [id, body, views] = documents.columns.map((column) => column);
    if (id === undefined || body === undefined || views === undefined) throw new Error("there are columns");
    const column = plainColumn(4, "added", text);
    const title = plainColumn(body.id, "title", text);
    const shape = (...columns: Relation["columns"]): Relation => ({ ...documents, columns });
    const wide = shape(id, body, views, column);
    const fill = encoded(text, "filled");
    await database.apply(deltaOf([altered(wide, [{ kind: "added", column, fill }])], "2"), never);
    expect(await contents(target)).toEqual(asShown(["1", "a", "10", "filled"], ["2", null, null, "filled"]));
    const renamed = shape(id, title, views, column);
    const printed = plainColumn(views.id, views.name, text);
    const retyped = shape(id, title, printed, column);
    const narrow = shape(id, title, printed);
    const steps = [
      altered(renamed, [{ kind: "renamed", from: "body", to: "title" }]),
      rowsStep(renamed, { inserts: [[3, "c", 30, null]] }),
      altered(retyped, [{ kind: "retyped", column: printed, from: views }]),
      altered(narrow, [{ kind: "dropped", name: "added" }]),
      rowsStep(narrow, { inserts: [[4, "d", "forty"]] }),
    ];
    await database.apply(deltaOf(steps, "3"), never);
    expect(await contents(target)).toEqual(
      asShown(["1", "a", "10"], ["2", null, null], ["3", "c", "30"], ["4", "d", "forty"]),
    );
    expect(database.progress().tables[0]?.definition.columns.map(({ name }) => name)).toEqual([
      "id",
      "title",
      "views",
    ]);
  });

  test("a renamed table has its new name alone", async () => {
    await using target = await filled(engine, [1, "a", 0]);
    await using database = await target.database();
    const renamed = { ...documents, name: { schema: "archive", table: "papers" } };
    await database.apply(deltaOf([altered(renamed, [])], "2"), never);
    expect(await contents(target)).toBeUndefined();
    expect(await contents(target, renamed)).toEqual(asShown(["1", "a", "0"]));
  });

  test("two tables trade names", async () => {
    await using target = await TestWarehouse.open(engine);
    await using database = await target.database();
    const a = plainRelation({ id: "a", columns: { id: int }, key: ["id"] });
    const b = plainRelation({ id: "b", columns: { id: int }, key: ["id"] });
    await database.apply(deltaOf([...copySteps(a, [[1]]), ...copySteps(b, [[2]])], "1"), never);
    const traded = [altered({ ...a, name: b.name }, []), altered({ ...b, name: a.name }, [])];
    await database.apply(deltaOf(traded, "2"), never);
    expect([await contents(target, a), await contents(target, b)]).toEqual([asShown(["2"]), asShown(["1"])]);
  });

  test("a fill that the type cannot hold fails the table", async () => {
    await using target = await filled(engine, [1, "a", 0]);
    await using database = await target.database();
    const column = plainColumn(9, "added", int);
    const relation = { ...documents, columns: [...documents.columns, column] };
    const fill = encoded(int, impossible);
    const failure = await rejection(
      database.apply(deltaOf([altered(relation, [{ kind: "added", column, fill }])], "2"), never),
    );
    expect(failure).toBeInstanceOf(TableError);
    expect(failure).toMatchObject({ code: "VALUE_OUT_OF_RANGE", table: { id: documents.id } });
    expect(await contents(target)).toEqual(asShown(["1", "a", "0"]));
  });
}

function endings(engine: TargetEngine): void {
  const reason = { code: "TABLE_WITHOUT_KEY", message: "It has no key." };

  test("a dropped table is gone, and a table of the same name can follow", async () => {
    await using target = await filled(engine, [1, "a", 0]);
    await using database = await target.database();
    await database.apply(deltaOf([eventStep({ kind: "dropped", relation: documents })], "2"), never);
    expect(await contents(target)).toBeUndefined();
    expect(database.progress().tables).toMatchObject([{ phase: { kind: "deleted" }, visible: false }]);
    await database.apply(deltaOf(copySteps({ ...documents, id: "2" }, [[2, "b", 0]]), "3"), never);
    expect(await contents(target)).toEqual(asShown(["2", "b", "0"]));
  });

  test("a failed table stays readable, and can be copied again", async () => {
    await using target = await filled(engine, [1, "a", 0]);
    await using database = await target.database();
    await database.apply(deltaOf([eventStep({ kind: "failed", relation: documents, reason })], "2"), never);
    expect(await contents(target)).toEqual(asShown(["1", "a", "0"]));
    expect(database.progress().tables).toMatchObject([{ phase: { kind: "failed", reason }, visible: true }]);
    await database.apply(deltaOf(copySteps(documents, [[2, "b", 0]]), "3"), never);
    expect(await contents(target)).toEqual(asShown(["2", "b", "0"]));
    expect(database.progress().tables).toMatchObject([{ phase: { kind: "synced" } }]);
  });

  test("a failure is recorded between transactions, without a checkpoint, and survives reopening", async () => {
    await using target = await filled(engine, [1, "a", 0]);
    {
      await using database = await target.database();
      await database.failTable(documents, reason);
    }
    await target.reopen();
    await using database = await target.database();
    expect(database.progress()).toMatchObject({
      checkpoint: "1",
      tables: [{ phase: { kind: "failed", reason }, visible: true }],
    });
    expect(await contents(target)).toEqual(asShown(["1", "a", "0"]));
  });

  test("a table that was never copied can be recorded as failed", async () => {
    await using target = await TestWarehouse.open(engine);
    await using database = await target.database();
    await database.failTable(documents, reason);
    expect(database.progress()).toMatchObject({
      checkpoint: undefined,
      tables: [{ phase: { kind: "failed" }, visible: false }],
    });
    expect(await database.tables()).toMatchObject([{ rows: 0 }]);
  });
}

function measures(engine: TargetEngine): void {
  test("the tables are the same array until a commit has changed something", async () => {
    await using target = await filled(engine, [1, "a", 0]);
    await using database = await target.database();
    const first = await database.tables();
    expect(first).toMatchObject([{ rows: 1, record: { phase: { kind: "synced" } } }]);
    await database.apply(deltaOf([], "2"), never);
    expect(await database.tables()).toBe(first);
    await database.apply(deltaOf([rowsStep(documents, { inserts: [[2, "b", 0]] })]), never);
    expect(await database.tables()).toBe(first);
    await database.apply(deltaOf([], "3"), never);
    const [measure] = await database.tables();
    if (measure?.isEstimate === false) expect(measure.rows).toBe(2);
    await database.failTable(documents, { code: "TABLE_UNSUPPORTED", message: "no" });
    expect(await database.tables()).toMatchObject([{ record: { phase: { kind: "failed" } } }]);
  });
}
