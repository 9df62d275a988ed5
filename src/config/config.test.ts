import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import fc from "fast-check";
import { z } from "zod";
import { afterAll, beforeAll, expect, test } from "vitest";
import { configurationOf } from "../../test/support/configuration.ts";
import { CodedError } from "../base/errors.ts";
import {
  loadClientConfiguration,
  loadConfiguration,
  type Configuration,
  type ConfigurationRequest,
} from "./config.ts";
import type { EngineKind } from "../model/engine-kinds.ts";
import { setting, wholeNumber } from "../model/setting.ts";
import { decide } from "../model/policy/policy.ts";

const postgres: EngineKind = {
  filterDialect: "postgres",
  defaultFilter: undefined,
  defaultPort: 5432,
  defaultDatabase: "postgres",
  majorVersions: ["18"],
};
const mysql: EngineKind = { ...postgres, defaultPort: 3306, defaultDatabase: undefined };

/** Targets that differ in their settings. */
const targets = {
  duckdb: z.strictObject({
    memory: setting(z.string(), "How much memory it uses.", "a size").optional(),
    threads: setting(wholeNumber(9), "How many threads it uses.", "a whole number from 1 to 9").optional(),
  }),
  lake: z.strictObject({
    url: setting(z.string(), "Where it is.", "a URL of a bucket"),
    memory: setting(z.boolean(), "Whether it is held in memory.", "true or false").optional(),
  }),
};

const engines = { sources: { postgres, "aurora-postgresql": postgres, mysql }, targets };

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "zeroetl-config-"));
});

afterAll(async () => {
  await rm(directory, { recursive: true, force: true });
});

async function load(
  text: string | Uint8Array,
  variables: Record<string, string> = {},
): Promise<Configuration> {
  const file = join(directory, "zeroetl.yaml");
  await writeFile(file, text);
  await chmod(file, 0o600);
  return loadConfiguration({ file, variables, engines: engines });
}

const loadFile = (request: Omit<ConfigurationRequest, "engines">): Promise<Configuration> =>
  loadConfiguration({ ...request, engines: engines });

async function refusal(text: string, variables: Record<string, string> = {}): Promise<string> {
  const error = await load(text, variables).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(CodedError);
  expect((error as CodedError).code).toBe("CONFIGURATION");
  return (error as CodedError).message;
}

const whole = `
account: "123456789012"
region: eu-west-1
data_dir: ./data
catalog: postgres://catalog:secret@db/catalog
quotas: { per_account: 500, per_target: 400, per_source: "\${PER_SOURCE}" }
listen:
  api: 0.0.0.0:0
  sql: "[::1]:5439"
credentials:
  - access_key_id: AKIDEXAMPLE
    secret_access_key: \${SECRET}
sources:
  - name: shop
    engine: postgres
    url: postgres://replicator:\${SHOP_PASSWORD}@127.0.0.1:5432/shop
  - { name: fleet, kind: cluster, engine: aurora-postgresql, url: "postgres://h/db" }
targets:
  - name: analytics
    engine: duckdb
    namespace_id: 11111111-2222-4333-8444-55555555555A
    users: [{ name: awsuser, password: "$\${literal}" }]
  - { name: second, engine: duckdb, memory: 1.5GiB, threads: 2 }
  - { name: third, engine: lake, url: "s3://key:sesame-shut@bucket", memory: true }
`;

test("every setting of the contract is understood", async () => {
  const found = await load(whole, { PER_SOURCE: "7", SECRET: "sesame-open", SHOP_PASSWORD: "hunter2" });
  expect(found).toMatchObject({
    account: "123456789012",
    region: "eu-west-1",
    dataDirectory: join(directory, "data"),
    quotas: { perAccount: 500, perTarget: 400, perSource: 7 },
    listenApi: { host: "0.0.0.0", port: 0 },
    warnings: [],
  });
  expect(found.sources.map(({ resource }) => resource.arn)).toEqual([
    "arn:aws:rds:eu-west-1:123456789012:db:shop",
    "arn:aws:rds:eu-west-1:123456789012:cluster:fleet",
  ]);
  expect(found.targets[0]?.resource.arn).toBe(
    "arn:aws:redshift-serverless:eu-west-1:123456789012:namespace/11111111-2222-4333-8444-55555555555a",
  );
  expect(found.targets.map(({ engine, settings }) => [engine, settings.reveal()])).toEqual([
    ["duckdb", {}],
    ["duckdb", { memory: "1.5GiB", threads: 2 }],
    ["lake", { url: "s3://key:sesame-shut@bucket", memory: true }],
  ]);
  expect(found.targets[1]?.resource.namespaceId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab]/);
  expect(found.credentials[0]?.secretAccessKey.reveal()).toBe("sesame-open");
  expect(found.sources[0]?.url.reveal()).toBe("postgres://replicator:hunter2@127.0.0.1:5432/shop");
  expect(found.catalogUrl?.reveal()).toContain("catalog:secret");
});

test.each([
  ["postgres", "postgres://u:p@db.example/d", { host: "db.example", port: 5432 }],
  ["aurora-postgresql", "postgres://u:p@10.0.0.7:6432/d?sslmode=require", { host: "10.0.0.7", port: 6432 }],
  ["postgres", "postgresql://u@[::1]:5433/d", { host: "::1", port: 5433 }],
  ["postgres", "postgres://u@elsewhere/d?host=db.example&port=7", { host: "db.example", port: 7 }],
  ["mysql", "mysql://u:p@h/d", { host: "h", port: 3306 }],
  ["postgres", "postgres://u@%2Fvar%2Frun/d", undefined],
  ["postgres", "postgres://u@h/d?host=/var/run", undefined],
  ["postgres", "postgres://u@a,b/d", undefined],
  ["postgres", "postgres:///d", undefined],
  ["postgres", "postgres://u@h/d?port=x", undefined],
  ["postgres", "nonsense", undefined],
] as const)("the endpoint of a %s source at %s", async (engine, url, endpoint) => {
  const { sources } = await configurationOf({ sources: [{ name: "a", engine, url }] }, engines);
  expect(sources[0]?.resource.endpoint).toEqual(endpoint);
});

test("secrets do not show when a configuration is printed", async () => {
  const found = await load(whole, { PER_SOURCE: "7", SECRET: "sesame-open", SHOP_PASSWORD: "hunter2" });
  const shown = JSON.stringify(found) + inspect(found, { depth: 9 });
  expect(shown).not.toMatch(/hunter2|sesame-open|sesame-shut|catalog:secret/);
});

test("an empty file has the defaults of the contract", async () => {
  expect(await load("")).toMatchObject({
    account: "000000000000",
    region: "us-east-1",
    dataDirectory: join(directory, "zeroetl-data"),
    catalogUrl: undefined,
    quotas: { perAccount: 100, perTarget: 50, perSource: 5 },
    listenApi: { host: "127.0.0.1", port: 5440 },
    credentials: [],
    sources: [],
    targets: [],
  });
});

test("the namespace of a target without an id depends on its name alone", async () => {
  const idOf = async (name: string): Promise<string | undefined> =>
    (await configurationOf({ targets: [{ name, engine: "duckdb" }] })).targets[0]?.resource.namespaceId;
  expect(await idOf("analytics")).toBe(await idOf("analytics"));
  expect(await idOf("analytics")).not.toBe(await idOf("other"));
});

test.each([
  [
    "an unknown key",
    "region: us-east-1\ncolour: blue",
    /^zeroetl\.yaml:2: unknown setting "colour"; allowed here: account, region/,
  ],
  [
    "an engine by another name",
    "sources:\n  - name: a\n    engine: postgresql\n    url: x",
    /:3: sources\[0\]\.engine must be one of postgres, .*; did you mean postgres\?$/,
  ],
  [
    "an unknown key below a list",
    "sources:\n  - name: a\n    engine: postgres\n    url: x\n    port: 1",
    /:5: unknown setting "port" in sources\[0\]; allowed here: name, kind, engine, url$/,
  ],
  ["a number for an account", "\naccount: 123456789012", /:2: account must be 12 digits in quotes$/],
  [
    "a missing url",
    "sources:\n  - name: a\n    engine: postgres",
    /:2: sources\[0\]\.url is missing; it must be a connection string/,
  ],
  [
    "a wrong engine",
    "sources:\n  - name: a\n    url: x\n    engine: oracle",
    /:4: sources\[0\]\.engine must be one of postgres, aurora-postgresql/,
  ],
  [
    "a source that no ARN can name",
    "sources:\n  - name: Shop\n    engine: postgres\n    url: postgres://localhost/shop",
    /:2: sources\[0\]\.name must be at most 63 lower-case letters/,
  ],
  ["a bad port", "listen: { api: 127.0.0.1:99999 }", /:1: listen\.api must be HOST:PORT/],
  ["a list instead of a mapping", "- a\n- b", /:1: the configuration must be a mapping of settings/],
  ["a scalar instead of a list", "sources: shop", /:1: sources must be a list of sources/],
  ["text that is not YAML", "a: b\nc: [d", /:2: this is not valid YAML/],
  [
    "a key given twice",
    "region: us-east-1\nregion: us-east-1",
    /:2: this is not valid YAML \(a key is there twice\)/,
  ],
  [
    "a variable without quotes in a flow mapping",
    "quotas: { per_source: ${N} }",
    /:1: this is not valid YAML .*"\$\{NAME\}" needs quotes inside braces/,
  ],
  [
    "a missing variable",
    "region: ${NOWHERE}",
    /:1: region needs the environment variable NOWHERE, which is not set/,
  ],
  [
    "a variable in a list",
    "a:\nsources:\n  - name: ${X}",
    /:3: sources\[0\]\.name needs the environment variable X/,
  ],
  ["a variable without a name", "region: ${}", /:1: region has a "\$\{" that names no variable/],
  ["a variable that never ends", "region: us${EAST", /:1: region has a "\$\{" that names no variable/],
  [
    "a name used twice",
    "targets:\n  - { name: a, engine: duckdb }\n  - { name: A, engine: duckdb }",
    /:3: targets\[1\]\.name is used twice/,
  ],
  [
    "what is not supported yet",
    "targets:\n  - name: a\n    engine: duckdb\n    auto_create_database: false",
    /:4: targets\[0\]\.auto_create_database: false is not supported yet/,
  ],
  [
    "a wrong setting of a target's engine",
    "targets:\n  - { name: a, engine: duckdb, memory: 1000000000 }",
    /:2: targets\[0\]\.memory must be a size$/,
  ],
  [
    "a wrong setting of the same name of another engine",
    "targets:\n  - { name: a, engine: lake, url: x, memory: 1GB }",
    /:2: targets\[0\]\.memory must be true or false$/,
  ],
  [
    "a missing setting of a target's engine",
    "targets:\n  - { name: a, engine: lake }",
    /:2: targets\[0\]\.url is missing; it must be a URL of a bucket$/,
  ],
  [
    "a setting that another engine has",
    "targets:\n  - { name: a, engine: duckdb, memory: 1GB }\n  - { name: b, engine: lake, url: x, threads: 1 }",
    /:3: unknown setting "threads" in targets\[1\]; allowed here: name, engine, namespace_id, auto_create_database, url, memory, users$/,
  ],
  [
    "a target's engine by another name",
    "targets:\n  - { name: a, engine: duckdbs, memory: 1GB }",
    /:2: targets\[0\]\.engine must be one of duckdb, lake; did you mean duckdb\?$/,
  ],
  ["a target that is no mapping", "targets: [duckdb]", /:1: targets\[0\] must be a mapping of settings$/],
  [
    "a short secret",
    "credentials:\n  - access_key_id: AKID\n    secret_access_key: short",
    /:3: credentials\[0\]\.secret_access_key must be a text of 8 to 256/,
  ],
  ["no credentials at all", "credentials: []", /:1: credentials must be a list with at least one access key/],
  ["a quota of nothing", "quotas: { per_source: 0 }", /:1: quotas\.per_source must be a whole number/],
  [
    "a missing choice",
    "targets:\n  - name: a",
    /:2: targets\[0\]\.engine is missing; it must be one of duckdb, lake$/,
  ],
  [
    "several mistakes",
    "colour: 1\naccount: 1",
    /^[^\n]*:1: unknown setting "colour"[^\n]*\n[^\n]*:2: account must be 12 digits in quotes$/,
  ],
  [
    "more mistakes than a person reads",
    "sources: [" + "{}, ".repeat(5) + "]",
    /^(?:[^\n]*sources\[\d\]\.\w+ [^\n]*\n){10}and 5 more to correct$/,
  ],
  [
    "aliases without end",
    `a: &a [x,x,x,x,x,x,x,x,x]\n${"bcdefghi".replaceAll(
      /./g,
      (k) =>
        `${k}: &${k} [${Array(9)
          .fill(`*${String.fromCharCode((k.codePointAt(0) ?? 0) - 1)}`)
          .join(",")}]\n`,
    )}`,
    /:1: it repeats aliases too often/,
  ],
])("refused with file and line: %s", async (_what, text, sentence) => {
  expect(await refusal(text)).toMatch(sentence);
});

test("a refusal never holds the value that was refused", async () => {
  const sentences = [
    await refusal("credentials:\n  - access_key_id: AKID\n    secret_access_key: hunter2"),
    await refusal("sources:\n  - name: a\n    engine: postgres\n    url: [hunter2]"),
    await refusal("catalog: mysql://u:hunter2@h/d"),
    await refusal("catalog: ${URL}", { URL: "mysql://u:hunter2@h/d" }),
  ];
  expect(sentences.join()).not.toContain("hunter2");
});

test("whatever stands in the file, the answer is a configuration or a sentence with file and line", async () => {
  const key = fc.constantFrom(
    "account",
    "region",
    "sources",
    "targets",
    "quotas",
    "listen",
    "name",
    "url",
    "x",
  );
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4 },
      fc.string(),
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
      tie("map"),
      tie("list"),
    ),
    map: fc.dictionary(key, tie("tree"), { maxKeys: 4 }),
    list: fc.array(tie("tree"), { maxLength: 3 }),
  }));
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        tree.map((value) => JSON.stringify(value)),
        fc.string(),
      ),
      async (text) => {
        const error = await load(text).then(
          () => undefined,
          (thrown: unknown) => thrown,
        );
        if (error === undefined) return;
        expect(error).toBeInstanceOf(CodedError);
        expect((error as CodedError).message).toMatch(/^zeroetl\.yaml:\d+: ./);
      },
    ),
    { numRuns: 300 },
  );
});

test("bytes that are no text, a directory and nothing at all are refused", async () => {
  await expect(load(Uint8Array.of(0xff, 0xfe, 0xfd))).rejects.toThrow("is not UTF-8 text");
  await expect(loadFile({ file: directory })).rejects.toThrow(/cannot be read \(EISDIR\)/);
  await expect(loadFile({ file: join(directory, "none.yaml") })).rejects.toThrow(
    /there is no configuration file .*none\.yaml/,
  );
});

test("a secret in a file that others can read is warned of, one from the environment is not", async () => {
  const file = join(directory, "open.yaml");
  const write = (url: string): Promise<void> =>
    writeFile(file, `sources:\n  - { name: a, engine: postgres, url: "${url}" }`);
  await write("postgres://u:hunter2@h/d");
  await chmod(file, 0o644);
  expect((await loadFile({ file })).warnings).toEqual([
    expect.stringMatching(/^open\.yaml:2: a secret stands in a file that others can read: chmod 600/),
  ]);
  await write("postgres://u:${PW}@h/d");
  expect((await loadFile({ file, variables: { PW: "hunter2" } })).warnings).toEqual([]);
  await write("postgres://u@h/d");
  expect((await loadFile({ file })).warnings).toEqual([]);
});

test("--data-dir is stronger than the file, and relative to the working directory", async () => {
  await load("data_dir: ./data");
  const found = await loadFile({
    file: join(directory, "zeroetl.yaml"),
    dataDirectory: "elsewhere",
  });
  expect(found.dataDirectory).toBe(join(process.cwd(), "elsewhere"));
});

test("a client needs neither a file nor the variables of the service", async () => {
  await load("data_dir: ./data\ncredentials: [{ access_key_id: AKID, secret_access_key: long-enough }]");
  const file = join(directory, "zeroetl.yaml");
  await writeFile(file, "data_dir: ./data\nsources:\n  - { name: a, engine: postgres, url: '${UNSET}' }");
  const client = await loadClientConfiguration({ file, variables: {}, fileMayBeMissing: false });
  expect(client).toEqual({ dataDirectory: join(directory, "data"), credentials: [] });
  const none = join(directory, "none.yaml");
  const defaults = await loadClientConfiguration({ file: none, variables: {}, fileMayBeMissing: true });
  expect(defaults.dataDirectory).toBe(join(directory, "zeroetl-data"));
  await expect(loadClientConfiguration({ file: none, fileMayBeMissing: false })).rejects.toThrow(CodedError);
});

test("a webhook is a secret that only an http or https URL can be", async () => {
  const webhook = (url: string): string => `events: { webhook: "${url}" }\n`;
  const found = await load(webhook("https://user:p%40ss@host/path?token=x"));
  expect(found.webhook?.reveal()).toBe("https://user:p%40ss@host/path?token=x");
  expect(inspect(found, { depth: 5 })).not.toContain("p%40ss");
  expect((await load("")).webhook).toBeUndefined();
  for (const url of ["hunter2", "ftp://hunter2@host/", "http://u:hunter2%zz@host/"]) {
    const message = await refusal(webhook(url));
    expect(message).toMatch(/^zeroetl\.yaml:1: events\.webhook must be an http or https URL/);
    expect(message).not.toContain("hunter2");
  }
});

const statement = '{ Effect: Allow, Action: "rds:Describe*", Resource: "*" }';
const keyed = (policy: string): string =>
  `credentials:\n  - access_key_id: AKIDEXAMPLE\n    secret_access_key: sesame-open\n    policy: ${policy}\n`;
const describeAll = { action: "rds:DescribeIntegrations", resource: "arn:aws:rds:x", context: new Map() };

test("a key has the policy that stands in the configuration, or in a file beside it", async () => {
  await writeFile(
    join(directory, "policy.json"),
    '{"Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}',
  );
  for (const [policy, decision] of [
    [`{ Version: 2012-10-17, Statement: [${statement}] }`, "allowed"],
    [`{ Statement: { Effect: Allow, Action: "rds:Create*", Resource: "*" } }`, "not-allowed"],
    ["policy.json", "denied"],
  ] as const) {
    const { credentials } = await load(keyed(policy));
    expect(credentials[0]?.policy && decide(credentials[0].policy, describeAll)).toBe(decision);
  }
  const free = await load("credentials: [{ access_key_id: AKIDEXAMPLE, secret_access_key: sesame-open }]");
  expect(free.credentials[0]).toMatchObject({ accessKeyId: "AKIDEXAMPLE", policy: undefined });
});

test("a variable of a policy is written with two dollars in the configuration", async () => {
  const policy = `{ Version: 2012-10-17, Statement: { Effect: Allow, Action: "*", Resource: "arn:$\${aws:username}" } }`;
  const { credentials } = await load(keyed(policy));
  const context = new Map([["aws:username", ["ann"]]]);
  const request = { ...describeAll, resource: "arn:ann", context };
  expect(credentials[0]?.policy && decide(credentials[0].policy, request)).toBe("allowed");
});

test("a policy that is not valid is refused with the line of the mistake, in its own file too", async () => {
  expect(
    await refusal(keyed(`\n      Version: 2012-10-17\n      Statement:\n        - Effect: Permit`)),
  ).toMatch(/^zeroetl\.yaml:7: credentials\[0\]\.policy: Statement\[0\]\.Effect must be Allow or Deny$/);
  expect(await refusal(keyed("[1]"))).toMatch(
    /:4: credentials\[0\]\.policy must be the path of a file, or a policy/,
  );
  expect(await refusal(keyed("absent.json"))).toMatch(
    /:4: credentials\[0\]\.policy: there is no policy file .*absent\.json$/,
  );
  const text = '{"Statement": [\n  {"Effect": "Allow",\n   "Action": "everything", "Resource": "*"}]}';
  await writeFile(join(directory, "wrong.json"), text);
  expect(await refusal(keyed("wrong.json"))).toMatch(
    /^wrong\.json:3: Statement\[0\]\.Action has "everything", which must be SERVICE:ACTION/,
  );
  await writeFile(join(directory, "twice.json"), '{"Statement": {"Effect": "Allow",\n"Effect": "Deny"}}');
  expect(await refusal(keyed("twice.json"))).toMatch(
    /^twice\.json:2: this is not valid YAML \(a key is there twice\)/,
  );
});

test("a client takes a key that may do everything, if there is one", async () => {
  const bound = `access_key_id: BOUND, secret_access_key: sesame-open, policy: { Statement: ${statement} }`;
  await load(`credentials: [{ ${bound} }, { access_key_id: FREE, secret_access_key: sesame-open }]`);
  const request = { file: join(directory, "zeroetl.yaml"), variables: {}, fileMayBeMissing: false };
  const { credentials } = await loadClientConfiguration(request);
  expect(credentials.map(({ accessKeyId }) => accessKeyId)).toEqual(["FREE", "BOUND"]);
});
