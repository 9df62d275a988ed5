import { expect, onTestFinished, test } from "vitest";
import { TestPostgres } from "../../../../test/support/postgres.ts";
import { StartupProxy } from "../../../../test/support/startup-proxy.ts";
import { Session } from "./session.ts";

const never = new AbortController().signal;

async function failureOf(url: string, replication = false): Promise<{ code: string; message: string }> {
  try {
    await using _ = await Session.open({ url, database: "postgres", replication }, never);
  } catch (error) {
    return error as { code: string; message: string };
  }
  throw new Error("a session was opened");
}

test("each limit on connections is named, with the statement that raises it", async () => {
  await using server = await TestPostgres.start({
    settings: { max_connections: "8", superuser_reserved_connections: "1", max_wal_senders: "0" },
  });
  await server.run([
    `CREATE ROLE "r ""x" LOGIN REPLICATION PASSWORD 'secret' CONNECTION LIMIT 0`,
    "CREATE ROLE q LOGIN REPLICATION PASSWORD 'secret'",
  ]);
  const url = `postgres://r%20%22x:secret@127.0.0.1:${server.port}/postgres`;
  const { code, message } = await failureOf(url);
  expect(code).toBe("SOURCE_CONNECTIONS");
  expect(message).toContain('too many connections for role "r "x"');
  const [, fix = ""] = /raise its limit: (.*)\.$/.exec(message) ?? [];
  await server.run(fix);
  {
    await using _ = await Session.open({ url, database: "postgres" }, never);
  }
  expect(await failureOf(url, true)).toMatchObject({
    code: "WAL_SENDERS",
    message: expect.stringContaining("max_wal_senders"),
  });
  const other = new URL(url);
  other.username = "q";
  for (let taken = 0; taken < 8; taken += 1) {
    const client = await server.connect().catch(() => undefined);
    if (client !== undefined) onTestFinished(() => client.end());
  }
  expect(await failureOf(other.href)).toMatchObject({
    code: "SOURCE_CONNECTIONS",
    message: expect.stringMatching(/too many clients|connection slots/),
  });
});

test("a pooler that refuses is called one", async () => {
  const refusals = [
    { state: "08P01", text: "unsupported startup parameter in options: search_path" },
    { state: "08P01", text: "unsupported startup parameter: replication" },
    { state: "08006", text: "pgbouncer cannot connect to server" },
  ];
  for (const refusal of refusals) {
    await using proxy = await StartupProxy.start({ port: 1, refuses: () => refusal });
    const failure = await failureOf(`postgres://u:p@127.0.0.1:${proxy.port}/postgres`);
    expect(failure).toMatchObject({
      code: "SOURCE_PROXY",
      message: expect.stringContaining(refusal.text),
    });
  }
});
