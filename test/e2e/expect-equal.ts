import { expect } from "vitest";
import type { ServiceProcess } from "../support/service.ts";
import { until } from "../support/until.ts";

/** Waits until all tables of the integration have caught up and are equal. A difference is a failure at once. */
export async function expectEqual(
  service: ServiceProcess,
  tables: number,
  deadlineMs = 60_000,
): Promise<void> {
  await until(
    `${tables} tables are compared and equal`,
    async () => {
      await service.status("active", { deadlineMs });
      const text = JSON.stringify(await service.verify());
      expect(text).not.toContain("different");
      return text.match(/"equal"/g)?.length === tables;
    },
    deadlineMs,
  );
}
