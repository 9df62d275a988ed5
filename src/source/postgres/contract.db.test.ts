import { afterAll, beforeAll } from "vitest";
import { sourceContract, type ContractSource, type SourceChange } from "../../../test/contract/source.ts";
import { TestPostgres } from "../../../test/support/postgres.ts";
import { TestDatabase } from "../../../test/support/stream-run.ts";
import { postgres } from "./engine.ts";

let server: TestPostgres;

beforeAll(async () => {
  // Each test leaves a slot.
  server = await TestPostgres.start({ settings: { max_replication_slots: "100" } });
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

sourceContract("postgres", async (): Promise<ContractSource> => {
  const database = await TestDatabase.make(server);
  return {
    engine: postgres,
    url: server.url(),
    database: database.name,
    commit: (changes) => database.run("BEGIN", ...changes.map(statement), "COMMIT"),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
});

function statement(change: SourceChange): string {
  const { kind, table } = change;
  if (kind === "create") return `CREATE TABLE ${table} (id bigint PRIMARY KEY, body text)`;
  if (kind === "delete") return `DELETE FROM ${table} WHERE id = ${change.id}`;
  const body = change.body === null ? "NULL" : `'${change.body}'`;
  if (kind === "insert") return `INSERT INTO ${table} VALUES (${change.id}, ${body})`;
  return `UPDATE ${table} SET body = ${body} WHERE id = ${change.id}`;
}
