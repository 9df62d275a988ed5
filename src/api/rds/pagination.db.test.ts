import {
  CreateIntegrationCommand,
  DescribeIntegrationsCommand,
  type DescribeIntegrationsCommandInput,
} from "@aws-sdk/client-rds";
import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { sourceArn, targets, TestService } from "../../../test/support/aws-service.ts";
import { ampleQuotas, catalogHomes, desired, type CatalogHome } from "../../../test/support/catalog-homes.ts";
import { queryCall } from "../../../test/support/query-call.ts";
import { printedSeed, randomFrom } from "../../../test/support/random.ts";
import { idOf, rdsClient, refusal } from "../../../test/support/rds-session.ts";

const count = 500;
const target = targets[0]?.arn ?? "";

/** How names and uuids sort, beside the order of creation. */
const orders: Readonly<Record<string, (index: number) => number>> = {
  ascending: (index) => index,
  descending: (index) => count - 1 - index,
  // Prime to the count, so that each number comes once, far from its neighbours.
  scattered: (index) => (index * 283 + 7) % count,
};

interface Made {
  readonly id: string;
  readonly name: string;
}

function identity(order: string, index: number): Made {
  const place = String(orders[order]?.(index)).padStart(12, "0");
  return { id: `00000000-0000-4000-8000-${place}`, name: `n-${place}` };
}

/** A service that can be ended and started again on the catalog that it had. */
class Restartable implements AsyncDisposable {
  readonly #home: CatalogHome;
  service: TestService;

  private constructor(home: CatalogHome, service: TestService) {
    this.#home = home;
    this.service = service;
  }

  static async start(home: CatalogHome): Promise<Restartable> {
    return new Restartable(home, await TestService.start({ location: home.location }));
  }

  async restart(): Promise<void> {
    await this.service[Symbol.asyncDispose]();
    this.service = await TestService.start({ location: this.#home.location });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.service[Symbol.asyncDispose]();
    await this.#home.close();
  }
}

interface Page {
  readonly ids: readonly string[];
  readonly marker: string | undefined;
}

type Turn = (
  service: TestService,
  page: { size: number | undefined; marker: string | undefined },
) => Promise<Page>;

async function rdsPage(service: TestService, input: DescribeIntegrationsCommandInput): Promise<Page> {
  const client = rdsClient(service);
  try {
    const { Integrations = [], Marker } = await client.send(new DescribeIntegrationsCommand(input));
    return { ids: Integrations.map(idOf), marker: Marker };
  } finally {
    client.destroy();
  }
}

async function inboundPage(
  service: TestService,
  parameters: Record<string, string | undefined>,
): Promise<Page> {
  const given = Object.entries(parameters).flatMap(([key, value]) =>
    value === undefined ? [] : [[key, value]],
  );
  const { status, text } = await queryCall(service, {
    service: "redshift",
    version: "2012-12-01",
    action: "DescribeInboundIntegrations",
    parameters: Object.fromEntries(given) as Record<string, string>,
  });
  if (status !== 200) throw new Error(text);
  const ids = [...text.matchAll(/<IntegrationArn>[^<]*:([^<:]*)<\/IntegrationArn>/g)].map(
    ([, id = ""]) => id,
  );
  return { ids, marker: /<Marker>([^<]*)<\/Marker>/.exec(text)?.[1] };
}

const lists: Readonly<Record<string, Turn>> = {
  "DescribeIntegrations of rds": (service, { size, marker }) =>
    rdsPage(service, { MaxRecords: size, Marker: marker }),
  "DescribeInboundIntegrations of redshift": (service, { size, marker }) =>
    inboundPage(service, { TargetArn: target, MaxRecords: size?.toString(), Marker: marker }),
};

/** Every page; `between` is called after each that is not the last. */
async function turn(
  at: Restartable,
  { list, size }: { readonly list: Turn; readonly size: number | undefined },
  between: (pages: number) => Promise<void> = async () => {},
): Promise<string[]> {
  const seen: string[] = [];
  let marker: string | undefined;
  for (let pages = 1; ; pages += 1) {
    const page = await list(at.service, { size, marker });
    seen.push(...page.ids);
    marker = page.marker;
    if (marker === undefined) return seen;
    // All pages but the last are full.
    expect(page.ids).toHaveLength(size ?? 100);
    expect(marker).toMatch(/^[\w-]{1,340}$/);
    await between(pages);
  }
}

async function make(service: TestService, { id, name }: Made): Promise<void> {
  const parts = desired({ id, name, targetArn: target });
  const creation = await service.catalog.create(parts, {
    ...ampleQuotas,
    perTarget: 10_000,
    perAccount: 10_000,
  });
  expect(creation.kind).toBe("created");
}

async function remove({ catalog }: TestService, id: string): Promise<void> {
  await catalog.report(id, { generation: 1, status: "active", errors: [], tables: [] });
  expect((await catalog.delete(id)).kind).toBe("deleting");
  await catalog.forget(id);
}

describe.each(Object.entries(catalogHomes))("in a catalog %s", (_, makeHome) => {
  test.each(Object.keys(orders))(
    `${count} integrations with names and uuids in %s order come in the order of their creation, by pages of any size`,
    async (order) => {
      await using at = await Restartable.start(await makeHome());
      const made = Array.from({ length: count }, (_each, index) => identity(order, index));
      for (const each of made) await make(at.service, each);
      const ids = made.map(({ id }) => id);
      for (const list of Object.values(lists))
        for (const size of [20, 100, undefined]) expect(await turn(at, { list, size })).toEqual(ids);
    },
  );

  test.each(Object.entries(lists))(
    `a marker of %s goes on after restarts, while others are created and deleted`,
    async (_name, list) => {
      const random = randomFrom(printedSeed());
      await using at = await Restartable.start(await makeHome());
      const made = Array.from({ length: 160 }, (_each, index) => identity("scattered", index));
      for (const each of made) await make(at.service, each);
      const leaving = new Set(made.filter(() => random() < 0.3).map(({ id }) => id));
      const staying = made.map(({ id }) => id).filter((id) => !leaving.has(id));
      const added: string[] = [];
      const gone = new Set<string>();
      const seen = await turn(at, { list, size: 20 }, async (pages) => {
        for (const id of [...leaving].filter((each) => !gone.has(each) && random() < 0.3)) {
          gone.add(id);
          await remove(at.service, id);
        }
        const id = randomUUID();
        // Not for ever: as long as more are made than a page has, there is another page.
        if (pages <= 30) {
          await make(at.service, { id, name: `more-${pages}` });
          added.push(id);
        }
        if (pages % 4 === 1) await at.restart();
      });
      expect(new Set(seen).size).toBe(seen.length);
      expect(seen.filter((id) => !leaving.has(id))).toEqual([...staying, ...added]);
      expect(gone.size).toBeGreaterThan(5);
    },
  );

  test("a marker is refused by every other catalog, list, action and target, and by a restarted service, too", async () => {
    await using at = await Restartable.start(await makeHome());
    await using other = await TestService.start();
    for (let index = 0; index < 21; index += 1) {
      await make(at.service, identity("ascending", index));
      await make(other, identity("ascending", index));
    }
    const size = 20;
    const { marker: own } = await rdsPage(at.service, { MaxRecords: size });
    const { marker: inbound } = await inboundPage(at.service, { MaxRecords: "20" });
    const { marker: ofTarget } = await inboundPage(at.service, { MaxRecords: "20", TargetArn: target });
    const { marker: foreign } = await rdsPage(other, { MaxRecords: size });
    await at.restart();
    for (const Marker of [foreign, inbound, ofTarget, `${own}A`, own?.toLowerCase()])
      expect(await refusal(rdsPage(at.service, { MaxRecords: size, Marker }))).toMatchObject({
        name: "InvalidParameterValue",
        status: 400,
        message: expect.stringContaining("marker of the page is not valid") as string,
      });
    for (const [Marker, TargetArn] of [
      [own, target],
      [inbound, target],
      [ofTarget, undefined],
      [ofTarget, targets[1]?.arn],
      [foreign, undefined],
    ])
      await expect(inboundPage(at.service, { MaxRecords: "20", Marker, TargetArn })).rejects.toThrow(
        /<Code>InvalidParameterValue<\/Code>.*marker of the page is not valid/,
      );
    expect((await rdsPage(at.service, { MaxRecords: size, Marker: own })).ids).toHaveLength(1);
    const again = { MaxRecords: "20", Marker: ofTarget, TargetArn: target };
    expect((await inboundPage(at.service, again)).ids).toHaveLength(1);
  });
});

test("MaxRecords is from 20 to 100 for redshift as for rds", async () => {
  await using service = await TestService.start();
  for (const MaxRecords of [19, 101, 0, -1]) {
    const message = `Invalid value ${MaxRecords} for MaxRecords. Must be between 20 and 100`;
    expect((await refusal(rdsPage(service, { MaxRecords }))).message).toBe(message);
    const inbound = inboundPage(service, { MaxRecords: String(MaxRecords) });
    await expect(inbound).rejects.toThrow(`<Code>InvalidParameterValue</Code><Message>${message}</Message>`);
  }
});

test("integrations that are created at once, by the API, come in one order on all pages", async () => {
  await using service = await TestService.start();
  const client = rdsClient(service);
  const names = Array.from({ length: 120 }, (_, index) => `at-once-${index}`);
  await Promise.all(
    names.map((IntegrationName, index) =>
      client.send(
        new CreateIntegrationCommand({
          IntegrationName,
          SourceArn: sourceArn(`source-${index % 20}`),
          TargetArn: targets[Math.floor(index / 20)]?.arn,
          DataFilter: "include: shop.*.*",
        }),
      ),
    ),
  );
  client.destroy();
  const walk = async (size: number): Promise<string[]> => {
    const first = await rdsPage(service, { MaxRecords: size });
    const ids = [...first.ids];
    for (let { marker } = first; marker !== undefined;) {
      const page = await rdsPage(service, { MaxRecords: size, Marker: marker });
      ids.push(...page.ids);
      marker = page.marker;
    }
    return ids;
  };
  const [small, large] = [await walk(20), await walk(100)];
  expect(new Set(small).size).toBe(names.length);
  expect(small).toEqual(large);
});
