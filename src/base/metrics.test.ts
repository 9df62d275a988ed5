import { expect, test } from "vitest";
import { Metrics, type Sample } from "./metrics.ts";

test("a scrape asks for the values and forgets what is gone", async () => {
  using metrics = new Metrics();
  let tables: readonly Sample[] = [{ labels: { table: 'or"ders' }, value: 3 }];
  metrics.add(
    [
      { name: "zeroetl_rows", help: "Rows", kind: "gauge", labels: ["table"] },
      { name: "zeroetl_changes_total", help: "Changes", kind: "counter", labels: [] },
    ],
    () =>
      Promise.resolve(
        new Map([
          ["zeroetl_rows", tables],
          ["zeroetl_changes_total", [{ labels: {}, value: 7 }]],
        ]),
      ),
  );
  const text = await metrics.text();
  expect(text).toContain('zeroetl_rows{table="or\\"ders"} 3');
  expect(text).toContain("# TYPE zeroetl_changes_total counter");
  expect(text).toContain("zeroetl_changes_total 7");
  expect(text).toMatch(/zeroetl_process_resident_memory_bytes \d{7,}/);

  tables = [];
  const next = await metrics.text();
  expect(next).not.toContain("or\\");
  expect(next).toContain("zeroetl_changes_total 7");
});
