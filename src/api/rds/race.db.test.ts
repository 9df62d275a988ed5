import {
  AddTagsToResourceCommand,
  CreateIntegrationCommand,
  DeleteIntegrationCommand,
  DescribeIntegrationsCommand,
  ListTagsForResourceCommand,
  ModifyIntegrationCommand,
  type RDSClient,
  type CreateIntegrationCommandInput,
  type Integration,
} from "@aws-sdk/client-rds";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { sourceArn, targets, TestService } from "../../../test/support/aws-service.ts";
import { catalogHomes, type CatalogHome } from "../../../test/support/catalog-homes.ts";
import { idOf, rdsClient, refusal, type Refusal } from "../../../test/support/rds-session.ts";

const many = 50;
const active = { generation: 1, status: "active", errors: [], tables: [] } as const;

describe.each(Object.entries(catalogHomes))("over a catalog %s", (_, makeHome) => {
  let home: CatalogHome;
  let service: TestService;
  let clients: readonly RDSClient[];

  beforeAll(async () => {
    home = await makeHome();
    service = await TestService.start({
      location: home.location,
      quotas: { perAccount: 10_000, perTarget: 10_000, perSource: 7 },
    });
    clients = Array.from({ length: many }, () => rdsClient(service));
  });

  afterAll(async () => {
    for (const client of clients) client.destroy();
    await service[Symbol.asyncDispose]();
    await home.close();
  });

  interface Outcome {
    readonly granted: readonly Integration[];
    readonly refused: readonly Refusal[];
  }

  /** One call of each client, all at once. */
  async function race(call: (client: RDSClient, index: number) => Promise<Integration>): Promise<Outcome> {
    const granted: Integration[] = [];
    const refused: Refusal[] = [];
    const attempts = clients.map(async (client, index) => {
      const attempt = call(client, index);
      const outcome = await attempt.catch(() => refusal(attempt));
      if ("IntegrationArn" in outcome) granted.push(outcome);
      else refused.push(outcome as Refusal);
    });
    await Promise.all(attempts);
    return { granted, refused };
  }

  function create(over: Partial<CreateIntegrationCommandInput>) {
    const DataFilter = "include: shop.*.*";
    const parameters = { IntegrationName: "x", SourceArn: "x", TargetArn: "x", DataFilter, ...over };
    return new CreateIntegrationCommand(parameters);
  }

  async function living(source: string): Promise<readonly Integration[]> {
    const Filters = [{ Name: "source-arn", Values: [sourceArn(source)] }];
    const [client] = clients;
    return (await client?.send(new DescribeIntegrationsCommand({ Filters })))?.Integrations ?? [];
  }

  test(`${many} creations of one name give one integration and ${many - 1} conflicts`, async () => {
    const { granted, refused } = await race((client, index) =>
      client.send(
        create({
          IntegrationName: index % 2 === 0 ? "wanted-by-all" : "Wanted-By-All",
          SourceArn: sourceArn(`source-${index % 20}`),
          TargetArn: targets[index % 40]?.arn,
        }),
      ),
    );
    expect(granted).toHaveLength(1);
    expect(refused).toEqual(
      Array.from({ length: many - 1 }, () => ({
        name: "IntegrationConflictOperationFault",
        status: 400,
        message: expect.stringContaining("Integration names must be unique within an account") as string,
      })),
    );
    expect(await service.catalog.wanted()).toHaveLength(1);
    await service.catalog.report(idOf(granted[0] ?? {}), active);
  });

  test(`${many} creations with one source and target give one integration`, async () => {
    const { granted, refused } = await race((client, index) =>
      client.send(
        create({
          IntegrationName: `pair-${index}`,
          SourceArn: sourceArn("shop"),
          TargetArn: targets[0]?.arn,
        }),
      ),
    );
    expect(granted).toHaveLength(1);
    expect(new Set(refused.map(({ name }) => name))).toEqual(new Set(["IntegrationAlreadyExistsFault"]));
    expect(refused).toHaveLength(many - 1);
    expect(await living("shop")).toMatchObject([{ IntegrationArn: granted[0]?.IntegrationArn }]);
  });

  test(`${many} creations for the 6 places that a quota has left fill exactly those`, async () => {
    const { granted, refused } = await race((client, index) =>
      client.send(
        create({
          IntegrationName: `quota-${index}`,
          SourceArn: sourceArn("shop"),
          // The first target is taken, by the integration of the test before.
          TargetArn: targets[1 + (index % 39)]?.arn,
        }),
      ),
    );
    expect(granted).toHaveLength(6);
    for (const { name } of refused)
      expect(["IntegrationQuotaExceededFault", "IntegrationAlreadyExistsFault"]).toContain(name);
    expect(await living("shop")).toHaveLength(7);
  });

  test(`${many} renames to one name give it to one`, async () => {
    const made = await Promise.all(
      Array.from({ length: many }, async (_, index) => {
        const SourceArn = sourceArn(`source-${index % 20}`);
        const TargetArn = targets[20 + Math.floor(index / 20)]?.arn;
        const desired = create({ IntegrationName: `rename-${index}`, SourceArn, TargetArn });
        const integration = await clients[index]?.send(desired);
        await service.catalog.report(idOf(integration ?? {}), active);
        return integration?.IntegrationArn;
      }),
    );
    const { granted, refused } = await race((client, index) =>
      client.send(
        new ModifyIntegrationCommand({ IntegrationIdentifier: made[index], IntegrationName: "renamed" }),
      ),
    );
    expect(granted.map(({ IntegrationName }) => IntegrationName)).toEqual(["renamed"]);
    expect(new Set(refused.map(({ name }) => name))).toEqual(new Set(["IntegrationConflictOperationFault"]));
  });

  test(`${many} deletions of one integration delete it once`, async () => {
    const { granted, refused } = await race((client) =>
      client.send(new DeleteIntegrationCommand({ IntegrationIdentifier: "renamed" })),
    );
    expect(granted.map(({ Status }) => Status)).toEqual(["deleting"]);
    expect(new Set(refused.map(({ name }) => name))).toEqual(new Set(["InvalidIntegrationStateFault"]));
  });

  test(`${many} additions of 7 tags each stop at 50 tags, and none is torn`, async () => {
    const { IntegrationArn: ResourceName } = (await living("shop"))[0] ?? {};
    const names = await Promise.all(
      clients.map(async (client, index) => {
        const Tags = Array.from({ length: 7 }, (_, tag) => ({ Key: `k-${index}-${tag}`, Value: "v" }));
        const call = client.send(new AddTagsToResourceCommand({ ResourceName, Tags }));
        return call.then(
          () => "tagged",
          async () => (await refusal(call)).name,
        );
      }),
    );
    expect(names.filter((name) => name === "tagged")).toHaveLength(7);
    expect(names.filter((name) => name === "InvalidParameterValue")).toHaveLength(many - 7);
    const list = await clients[0]?.send(new ListTagsForResourceCommand({ ResourceName }));
    expect(list?.TagList).toHaveLength(49);
  });

  test("creating again what is being removed succeeds or conflicts, and never fails", async () => {
    const pair = { SourceArn: sourceArn("source-19"), TargetArn: targets[39]?.arn };
    for (let round = 0; round < 10; round += 1) {
      const [first] = clients;
      const made = await first?.send(create({ IntegrationName: `again-${round}`, ...pair }));
      const id = idOf(made ?? {});
      await service.catalog.report(id, active);
      await first?.send(new DeleteIntegrationCommand({ IntegrationIdentifier: id }));
      const forgotten = service.catalog.forget(id);
      const { granted, refused } = await race((client, index) =>
        client.send(create({ IntegrationName: `again-${round}-${index}`, ...pair })),
      );
      await forgotten;
      expect(granted.length).toBeLessThanOrEqual(1);
      for (const { name } of refused) expect(name).toBe("IntegrationAlreadyExistsFault");
      for (const integration of granted) {
        await service.catalog.report(idOf(integration), { ...active, status: "failed" });
        await service.catalog.delete(idOf(integration));
        await service.catalog.forget(idOf(integration));
      }
    }
    expect((await living("source-19")).length).toBeLessThanOrEqual(3);
  });
});
