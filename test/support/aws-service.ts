import { randomBytes } from "node:crypto";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { AccessKeys } from "../../src/api/access/access-keys.ts";
import { integrationArn } from "../../src/api/protocol/arn.ts";
import { createApi } from "../../src/api/create-api.ts";
import type { ApiOptions } from "../../src/api/options.ts";
import { HttpServer } from "../../src/service/http-server.ts";
import { setLogLevel } from "../../src/base/log.ts";
import { Sealer } from "../../src/base/sealer.ts";
import { Secret } from "../../src/base/secret.ts";
import { Catalog } from "../../src/catalog/catalog.ts";
import type { CatalogLocation } from "../../src/catalog/store/database.ts";
import { IntegrationKeys } from "../../src/kms/integration-keys.ts";
import type { KeyStore } from "../../src/kms/key-store.ts";

// A line for each of a thousand requests helps nobody.
setLogLevel("silent");

export const account = "123456789012";
export const region = "us-east-1";
/** The user that the access key belongs to. */
export const user = "tester";
export const credentials = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMIbPxRfiCYEXAMPLEKEY" };

export function sourceArn(name: string, type = "db"): string {
  return `arn:aws:rds:${region}:${account}:${type}:${name}`;
}

const postgresFilters = { filterDialect: "postgres", defaultFilter: undefined } as const;
/** Of a family whose dialect has a default filter. No engine reads it yet. */
export const mysqlFilters = { filterDialect: "mysql", defaultFilter: "include: *.*" } as const;

const sourceNames = ["shop", ...Array.from({ length: 20 }, (_, index) => `source-${index}`)];

export const sources: ApiOptions["sources"] = [
  ...sourceNames.map(
    (name) =>
      ({
        name,
        kind: "instance",
        engine: "postgres",
        filters: postgresFilters,
        arn: sourceArn(name),
        endpoint: { host: `${name}.example`, port: 5432 },
        database: name,
      }) as const,
  ),
  {
    name: "books",
    kind: "instance",
    engine: "mysql",
    filters: mysqlFilters,
    arn: sourceArn("books"),
    endpoint: undefined,
    database: undefined,
  },
  {
    name: "fleet",
    kind: "cluster",
    engine: "aurora-postgresql",
    filters: postgresFilters,
    arn: `arn:aws:rds:${region}:${account}:cluster:fleet`,
    endpoint: { host: "10.0.0.7", port: 6432 },
    database: "fleet",
  },
];

export const targets: ApiOptions["targets"] = Array.from({ length: 40 }, (_, index) => {
  const namespaceId = `11111111-2222-4333-8444-${String(index).padStart(12, "0")}`;
  return {
    name: `target-${index}`,
    namespaceId,
    arn: `arn:aws:redshift-serverless:${region}:${account}:namespace/${namespaceId}`,
  };
});

let template: Promise<string> | undefined;

/** The directory of a catalog that nothing is in, made once a test file: making one takes seconds, copying it does not. */
function emptyCatalog(): Promise<string> {
  template ??= makeEmptyCatalog();
  return template;
}

async function makeEmptyCatalog(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "zeroetl-api-"));
  await (await Catalog.open({ kind: "directory", directory }))[Symbol.asyncDispose]();
  return directory;
}

afterAll(async () => {
  if (template !== undefined) await rm(await template, { recursive: true, force: true });
});

/** The key of every test, which may do everything, and what a test makes. */
function testKeys(catalog: Catalog): AccessKeys {
  const { accessKeyId: id, secretAccessKey } = credentials;
  return new AccessKeys({
    configured: [{ id, user, secret: new Secret(secretAccessKey), policy: undefined }],
    stored: catalog.accessKeys,
    sealer: new Sealer(randomBytes(32)),
    now: () => new Date(),
  });
}

/** Of integrations, wrapped by keys of a store or, where they name none, by a key of nobody else. */
export function testDataKeys(store: KeyStore | undefined): IntegrationKeys {
  const home = { account, region };
  const arnOf = (id: string): string => integrationArn(home, id);
  return new IntegrationKeys({ home, sealingKey: randomBytes(32), store, arnOf });
}

/** A catalog with what is to be removed after it. */
interface OpenCatalog {
  readonly catalog: Catalog;
  readonly directory: string | undefined;
}

async function openCatalog(location: CatalogLocation | undefined): Promise<OpenCatalog> {
  if (location !== undefined) return { catalog: await Catalog.open(location), directory: undefined };
  const directory = await mkdtemp(join(tmpdir(), "zeroetl-api-"));
  await cp(join(await emptyCatalog(), "data"), join(directory, "data"), { recursive: true });
  return { catalog: await Catalog.open({ kind: "directory", directory }), directory };
}

/** What makes a test's service different from the others. */
export interface TestServiceOptions extends Partial<ApiOptions> {
  /** Of a catalog that is there before the service and stays after it; default: an embedded one of its own. */
  readonly location?: CatalogLocation;
}

/** The API on a free port; disposing of it leaves nothing behind. */
export class TestService implements AsyncDisposable {
  readonly catalog: Catalog;
  readonly keys: AccessKeys;
  readonly url: string;
  /** Answers without the network. */
  readonly handle: (request: Request) => Response | Promise<Response>;
  readonly #server: HttpServer;
  readonly #directory: string | undefined;

  private constructor(
    { catalog, keys }: Pick<ApiOptions, "catalog" | "keys">,
    server: HttpServer,
    at: Pick<TestService, "url" | "handle"> & { directory: string | undefined },
  ) {
    this.catalog = catalog;
    this.keys = keys;
    this.#server = server;
    this.url = at.url;
    this.handle = at.handle;
    this.#directory = at.directory;
  }

  static async start({ location, ...over }: TestServiceOptions = {}): Promise<TestService> {
    const { catalog, directory } = await openCatalog(location);
    const options: ApiOptions = {
      account,
      region,
      sources,
      targets,
      engineVersions: (["postgres", "aurora-postgresql"] as const).flatMap((engine) =>
        ["14", "9", "18"].map((majorVersion) => ({ engine, majorVersion })),
      ),
      quotas: { perAccount: 10_000, perTarget: 10_000, perSource: 10_000 },
      keys: testKeys(catalog),
      dataKeys: testDataKeys(undefined),
      catalog,
      now: () => new Date(),
      operator: undefined,
      health: () => ({ ok: true }),
      metrics: async () => "# nothing\n",
      ...over,
    };
    const { fetch: handle } = createApi(options);
    const server = await HttpServer.listen(handle, { host: "127.0.0.1", port: 0 });
    return new TestService(options, server, {
      url: server.url,
      handle: (request) => handle(request),
      directory,
    });
  }

  /** Plays the runtime: whatever is wanted is so at once, until the result is disposed of. */
  runtime(): Disposable {
    let work = Promise.resolve();
    const act = (): void => {
      work = work.then(() => this.#act());
    };
    const stop = this.catalog.onDesiredChange(act);
    act();
    return { [Symbol.dispose]: stop };
  }

  async #act(): Promise<void> {
    for (const { integration, wanted } of await this.catalog.wanted()) {
      const { id, generation, status } = integration;
      if (wanted === "absent") await this.catalog.forget(id);
      else if (status !== "active")
        await this.catalog.report(id, { generation, status: "active", errors: [], tables: [] });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
    await this.catalog[Symbol.asyncDispose]();
    if (this.#directory !== undefined) await rm(this.#directory, { recursive: true, force: true });
  }
}
