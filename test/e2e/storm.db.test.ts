import {
  AddTagsToResourceCommand,
  CreateIntegrationCommand,
  DeleteIntegrationCommand,
  DescribeIntegrationsCommand,
  ModifyIntegrationCommand,
  RDSServiceException,
  type Integration,
} from "@aws-sdk/client-rds";
import { isDeepStrictEqual } from "node:util";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { namesOf } from "../../src/source/postgres/names.ts";
import { Dice } from "../support/dice.ts";
import { TestPostgres } from "../support/postgres.ts";
import { printedSeed } from "../support/random.ts";
import { idOf } from "../support/rds-session.ts";
import { moreTargetArn, ServiceProcess, sourceArn } from "../support/service.ts";
import { TemporaryDirectory } from "../support/temporary.ts";
import { until } from "../support/until.ts";

const clients = 12;
const moreTargets = 5;
const patienceMs = 120_000;

/** By the databases that they take something from. */
const filters: Readonly<Record<string, readonly string[]>> = {
  "include: postgres.*.*": ["postgres"],
  "include: postgres.public.a, include: other.*.*": ["other", "postgres"],
  "include: postgres.*.*, include: other.*.*": ["other", "postgres"],
  "include: postgres.*.*, exclude: postgres.public.a": ["postgres"],
  "include: other.public.c": ["other"],
};

/** What a request may lead to while others are made. */
const conflicts: readonly string[] = [
  "IntegrationConflictOperationFault",
  "IntegrationAlreadyExistsFault",
  "IntegrationNotFoundFault",
  "InvalidIntegrationStateFault",
];

const names = Array.from({ length: 8 }, (_, index) => `storm-${index}`);

async function desired({ rds }: ServiceProcess, dice: Dice): Promise<void> {
  const IntegrationIdentifier = dice.pick(names);
  const DataFilter = dice.pick(Object.keys(filters));
  switch (dice.pick(["create", "create", "rename", "filter", "tag", "delete"] as const)) {
    case "create": {
      const TargetArn = moreTargetArn(dice.int(moreTargets));
      const parameters = {
        IntegrationName: IntegrationIdentifier,
        SourceArn: sourceArn,
        TargetArn,
        DataFilter,
      };
      await rds.send(new CreateIntegrationCommand(parameters));
      return;
    }
    case "rename": {
      const IntegrationName = dice.pick(names);
      await rds.send(new ModifyIntegrationCommand({ IntegrationIdentifier, IntegrationName }));
      return;
    }
    case "filter":
      await rds.send(new ModifyIntegrationCommand({ IntegrationIdentifier, DataFilter }));
      return;
    case "tag": {
      const found = await rds.send(new DescribeIntegrationsCommand({ IntegrationIdentifier }));
      const ResourceName = found.Integrations?.[0]?.IntegrationArn;
      const Tags = [{ Key: `k${dice.int(10)}`, Value: "v" }];
      await rds.send(new AddTagsToResourceCommand({ ResourceName, Tags }));
      return;
    }
    case "delete":
      await rds.send(new DeleteIntegrationCommand({ IntegrationIdentifier }));
  }
}

interface Storm {
  readonly seed: number;
  /** Ends it. `killed`: the service is not there any more, and calls may fail in any way. */
  readonly state: { isOver: boolean; isKilled: boolean; granted: number };
}

/** Clients that make one request after another until the storm is over. */
async function storm(service: ServiceProcess, { seed, state }: Storm): Promise<void> {
  const act = async (dice: Dice): Promise<void> => {
    while (!state.isOver) {
      try {
        await desired(service, dice);
        state.granted += 1;
      } catch (error) {
        if (state.isKilled && !(error instanceof RDSServiceException)) return;
        if (!(error instanceof RDSServiceException) || !conflicts.includes(error.name)) throw error;
        // The API and the streams share a thread: a client that is refused does not ask again at once.
        await sleep(20);
      }
    }
  };
  await Promise.all(Array.from({ length: clients }, (_, index) => act(new Dice(seed + index))));
}

/** Until so many requests have succeeded; a storm that fails throws. */
async function rages(storming: Promise<void>, state: Storm["state"], granted: number): Promise<void> {
  const enough = until(
    `${granted} desiredStates are granted`,
    async () => state.granted >= granted,
    patienceMs,
  );
  await Promise.race([storming, enough]);
}

async function described({ rds }: ServiceProcess): Promise<readonly Integration[]> {
  const { Integrations = [], Marker } = await rds.send(new DescribeIntegrationsCommand({}));
  expect(Marker).toBeUndefined();
  return Integrations;
}

/** Everything that belongs to integrations, as five places tell of it. */
async function seen(service: ServiceProcess, server: TestPostgres) {
  const integrations = await described(service);
  const operator = await service.integrations();
  const publications = async (database: string): Promise<string[]> => {
    const found = await server.rows<{ pubname: string }>("SELECT pubname FROM pg_publication", database);
    return found.map(({ pubname }) => `${database} ${pubname}`);
  };
  return {
    described: integrations
      .map(({ IntegrationName = "", Status = "", DataFilter = "", ...rest }) =>
        [idOf(rest), IntegrationName, Status, DataFilter].join(" "),
      )
      .toSorted(),
    operator: operator
      .map(({ id, name, status, dataFilter }) => [id, name, status, dataFilter].join(" "))
      .toSorted(),
    streams: operator
      .flatMap(({ id, streams }) =>
        streams.map(({ sourceDatabase, phase }) => `${id} ${sourceDatabase} ${phase}`),
      )
      .toSorted(),
    slots: (
      await server.rows<{ slot_name: string; active: boolean }>(
        "SELECT slot_name, active FROM pg_replication_slots",
      )
    )
      .map(({ slot_name: name, active }) => `${name} ${active ? "active" : "idle"}`)
      .toSorted(),
    publications: [...(await publications("postgres")), ...(await publications("other"))].toSorted(),
  };
}

/** What those five places must tell if the integrations that are described are all well. */
function expected(integrations: readonly Integration[]): Awaited<ReturnType<typeof seen>> {
  const told = integrations.map(({ IntegrationName, DataFilter, ...rest }) =>
    [idOf(rest), IntegrationName, "active", DataFilter].join(" "),
  );
  const streams = integrations.flatMap((integration) =>
    (filters[integration.DataFilter ?? ""] ?? []).map((database) => ({ id: idOf(integration), database })),
  );
  return {
    described: told.toSorted(),
    operator: told.toSorted(),
    streams: streams.map(({ id, database }) => `${id} ${database} streaming`).toSorted(),
    slots: streams.map(({ id, database }) => `${namesOf(id, database).slot} active`).toSorted(),
    publications: streams
      .map(({ id, database }) => `${database} ${namesOf(id, database).publication}`)
      .toSorted(),
  };
}

/** Waits until all has settled; what is still different when the deadline passes is shown. Gives how many there are. */
async function settled(service: ServiceProcess, server: TestPostgres): Promise<number> {
  const look = async () => {
    await sleep(200);
    return { is: await seen(service, server), shall: expected(await described(service)) };
  };
  const agreed = await until(
    "all places agree",
    async () => {
      const { is, shall } = await look();
      return isDeepStrictEqual(is, shall) ? is : undefined;
    },
    patienceMs,
  ).catch(async () => {
    const { is, shall } = await look();
    expect(is, service.log.slice(-3_000)).toEqual(shall);
    return is;
  });
  return agreed.described.length;
}

async function removeAll(service: ServiceProcess, server: TestPostgres): Promise<void> {
  for (const { IntegrationArn } of await described(service))
    await service.rds.send(new DeleteIntegrationCommand({ IntegrationIdentifier: IntegrationArn }));
  const nothing = { described: [], operator: [], streams: [], slots: [], publications: [] };
  await until("nothing is left", async () => isDeepStrictEqual(await seen(service, server), nothing)).catch(
    async () => expect(await seen(service, server)).toEqual(nothing),
  );
}

async function expectEqualTables(service: ServiceProcess): Promise<void> {
  for (const { IntegrationArn = "" } of await described(service)) {
    const lines = await service.verify(IntegrationArn);
    expect(lines.map(({ result }) => result)).not.toContain("different");
    expect(lines.length).toBeGreaterThan(0);
  }
}

test(
  "after a storm of requests, and after a kill -9 in the middle of another, describe, status, slots and publications agree",
  { timeout: 600_000 },
  async () => {
    const seed = printedSeed();
    await using server = await TestPostgres.start({
      settings: { max_replication_slots: "100", max_wal_senders: "100", max_connections: "300" },
    });
    await using directory = await TemporaryDirectory.make();
    await server.run([
      ...["a", "b"].map(
        (table) => `CREATE TABLE ${table} AS SELECT i AS id FROM generate_series(1, 1000) AS i`,
      ),
      ...["a", "b"].map((table) => `ALTER TABLE ${table} ADD PRIMARY KEY (id)`),
      "CREATE DATABASE other",
    ]);
    await server.run(["CREATE TABLE c (id int PRIMARY KEY)", "INSERT INTO c VALUES (3)"], "other");
    const options = {
      directory: directory.path,
      sourceUrl: server.url(),
      moreTargets,
    };
    let service = await ServiceProcess.start(options);
    try {
      const calm = { isOver: false, isKilled: false, granted: 0 };
      const first = storm(service, { seed, state: calm });
      await rages(first, calm, 40);
      calm.isOver = true;
      await first;
      const survivors = await settled(service, server);
      expect(survivors).toBeGreaterThan(0);
      await expectEqualTables(service);
      await removeAll(service, server);

      const wild = { isOver: false, isKilled: false, granted: 0 };
      const second = storm(service, { seed: seed + clients, state: wild });
      await rages(second, wild, 20);
      Object.assign(wild, { isOver: true, isKilled: true });
      await service.kill();
      await second;
      service = await ServiceProcess.start(options);
      expect(await settled(service, server)).toBeGreaterThan(0);
      await expectEqualTables(service);
      await removeAll(service, server);
    } finally {
      await service[Symbol.asyncDispose]();
    }
  },
);
