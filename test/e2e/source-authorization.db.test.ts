import { expect, test } from "vitest";
import { queryCall } from "../support/query-call.ts";
import { TestPostgres } from "../support/postgres.ts";
import { credentials, ServiceProcess, sourceArn, targetArn } from "../support/service.ts";
import { TemporaryDirectory } from "../support/temporary.ts";
import { until } from "../support/until.ts";

async function authorize(service: ServiceProcess, source: string): Promise<void> {
  const statement = {
    Effect: "Allow",
    Principal: { Service: "redshift.amazonaws.com" },
    Action: "redshift:AuthorizeInboundIntegration",
    Condition: { ArnEquals: { "aws:SourceArn": source } },
  };
  const Policy = JSON.stringify({ Version: "2012-10-17", Statement: [statement] });
  const answer = await queryCall(
    { url: service.endpoint },
    {
      service: "redshift",
      version: "2012-12-01",
      action: "PutResourcePolicy",
      parameters: { ResourceArn: targetArn, Policy },
      credentials,
    },
  );
  expect(answer.text).toContain("<PutResourcePolicyResult>");
}

test("a source whose authorisation is taken away is not replicated, over a restart too, until it is given back", async () => {
  await using server = await TestPostgres.start();
  await using directory = await TemporaryDirectory.make();
  const place = { directory: directory.path, sourceUrl: server.url() };
  const rows = (service: ServiceProcess) => service.query("SELECT id FROM postgres.public.t ORDER BY id");
  await server.run(["CREATE TABLE t (id int PRIMARY KEY)", "INSERT INTO t VALUES (1)"]);
  await using service = await ServiceProcess.start(place);
  await authorize(service, sourceArn);
  await service.create("include: postgres.public.*");
  await service.status("active");

  await authorize(service, `${sourceArn}-other`);
  const { Errors } = await service.status("needs_attention");
  expect(Errors).toEqual([
    {
      ErrorCode: "SOURCE_NOT_AUTHORIZED",
      ErrorMessage: expect.stringContaining("PutResourcePolicy") as string,
    },
  ]);
  await server.run("INSERT INTO t VALUES (2)");
  const readers = await server.rows("SELECT count(*)::int AS n FROM pg_stat_replication");
  expect(readers).toEqual([{ n: 0 }]);
  expect(await rows(service)).toEqual([["1"]]);

  await service.kill();
  await using again = await ServiceProcess.start(place);
  await again.status("needs_attention");
  expect(await rows(again)).toEqual([["1"]]);
  await authorize(again, sourceArn);
  expect((await again.status("active")).Errors).toEqual([]);
  await until("the row arrived", async () => (await rows(again)).length === 2);
});
