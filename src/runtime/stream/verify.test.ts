import { expect, test } from "vitest";
import type { Source } from "../../source/source.ts";
import type { DestinationDatabase } from "../../target/target.ts";
import { verifyStream } from "./verify.ts";

test("a database that has no view is not compared, which is told before the stream is paused", async () => {
  let pauses = 0;
  const source: Partial<Source> = {
    standstill: () => {
      pauses += 1;
      return Promise.reject(new Error("the stream is not to be paused"));
    },
  };
  const database: Partial<DestinationDatabase> = { name: "shop", view: undefined };
  const verifying = verifyStream(
    {
      source: source as Source,
      database: database as DestinationDatabase,
      onChange: () => () => {},
    },
    new AbortController().signal,
  );
  await expect(verifying).rejects.toMatchObject({
    code: "TARGET_NOT_COMPARABLE",
    message: expect.stringContaining('"shop" cannot be compared') as string,
    fix: expect.stringContaining("queries of both sides") as string,
  });
  expect(pauses).toBe(0);
});
