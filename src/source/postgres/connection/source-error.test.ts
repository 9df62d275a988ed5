import pg from "pg";
import { expect, test } from "vitest";
import { sourceError } from "./source-error.ts";

test("a server that wants TLS is met by a word on how to ask for it", () => {
  const refusal = new pg.DatabaseError(
    'no pg_hba.conf entry for host "10.0.0.7", user "u", database "d", no encryption',
    0,
    "error",
  );
  refusal.code = "28000";
  expect(sourceError(refusal)).toMatchObject({
    code: "SOURCE_AUTHENTICATION",
    message: expect.stringMatching(
      /no encryption; the server may want TLS: add \?sslmode=verify-full to the source's/,
    ),
  });
});
