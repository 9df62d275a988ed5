import { dirname, resolve } from "node:path";
import { z } from "zod";
import { present } from "../base/assert.ts";
import { Secret } from "../base/secret.ts";
import {
  MissingFile,
  othersCanRead,
  readConfigFile,
  refuseIssues,
  type ConfigFile,
  type SettingPath,
  type Variables,
} from "./config-file.ts";
import { interpretKms, kmsSecrets, kmsSettings, kmsWarnings, type ConfiguredKms } from "./kms-settings.ts";
import { interpretQueries, queriesSettings, type QueryLimits } from "./query-settings.ts";
import { readPolicies } from "./policy-settings.ts";
import type { EngineKinds } from "../model/engine-kinds.ts";
import { databaseOf, endpointOf } from "./source-url.ts";
import {
  interpretTarget,
  namespaceIdOf,
  targetSchema,
  type ConfiguredTarget,
  type EngineSettings,
} from "./target-settings.ts";
import { fingerprintsOf } from "./fingerprints.ts";
import { isWebUrl, setting, wholeNumber } from "../model/setting.ts";
import type { Policy } from "../model/policy/policy.ts";
import type { SourceResource } from "../model/resources.ts";

/** As in the ARN of an RDS database: clients refuse to send any other. */
const sourceName = /^[a-z](?:-?[a-z0-9])*$/;
const sourceNameAllowed = "at most 63 lower-case letters, digits and single hyphens, beginning with a letter";
const address = /^(?:\[[0-9a-fA-F:.]+\]|[^:\s[\]]+):\d{1,5}$/;
const addressAllowed = "HOST:PORT, such as 127.0.0.1:5440; port 0 takes a free one";

const isAddress = (text: string): boolean =>
  address.test(text) && Number(text.slice(text.lastIndexOf(":") + 1)) <= 65_535;

const webUrlAllowed = "an http or https URL, such as https://user:password@host/path";

const quota = (number: number, of: string) =>
  setting(
    wholeNumber(1_000_000),
    `At most this many integrations ${of}. Default ${number}.`,
    "a whole number from 1 to 1000000",
  ).default(number);

const credential = z.strictObject({
  access_key_id: setting(
    z.string().regex(/^\w{3,128}$/),
    "The name of the key, as AWS_ACCESS_KEY_ID gives it.",
    "3 to 128 letters, digits and underscores",
  ),
  secret_access_key: setting(
    z.string().min(8).max(256),
    "The secret half, as AWS_SECRET_ACCESS_KEY gives it.",
    "a text of 8 to 256 characters (in quotes where it is all digits)",
  ),
  policy: setting(
    z.union([z.string().min(1), z.record(z.string(), z.unknown())]),
    "What the key may do, in IAM's policy language: the path of a JSON or YAML file, relative to the configuration file, or the document itself (in which variables are written as $${aws:username}). Default: everything.",
    "the path of a file, or a policy document with Version and Statement",
  ).optional(),
});

const sourceSchema = (names: readonly string[]) =>
  z.strictObject({
    name: setting(
      z.string().regex(sourceName).max(63),
      "The last part of the source's ARN.",
      sourceNameAllowed,
    ),
    kind: setting(
      z.enum(["instance", "cluster"]),
      "Whether the ARN is …:db:NAME or …:cluster:NAME. Default instance.",
      "instance or cluster",
    ).default("instance"),
    engine: setting(z.enum(names), "The kind of database.", `one of ${names.join(", ")}`),
    url: setting(
      z.string().min(1),
      "The connection string of the source, such as postgres://user:password@host:5432/database. Characters of the password that URLs use themselves are percent-encoded.",
      "a connection string, such as postgres://user:password@host:5432/database",
    ),
  });

const sections = {
  account: setting(
    z.string().regex(/^\d{12}$/),
    'The account that ARNs name. Default "000000000000".',
    "12 digits in quotes",
  ).default("000000000000"),
  region: setting(
    z.string().regex(/^[a-z]{2}(-[a-z]+)+-\d{1,2}$/),
    "The region that ARNs and signatures name. Default us-east-1.",
    "the name of a region, such as us-east-1",
  ).default("us-east-1"),
  data_dir: setting(
    z.string().min(1),
    "Catalog, warehouse files, spool and keys. Relative to the configuration file. Default ./zeroetl-data.",
    "the path of a directory",
  ).default("./zeroetl-data"),
  catalog: setting(
    z.string().regex(/^postgres(ql)?:\/\/./),
    "A PostgreSQL database that keeps the catalog. Default: embedded, in data_dir.",
    "a connection string, such as postgres://user:password@host:5432/database",
  ).optional(),
  quotas: setting(
    z.strictObject({
      per_account: quota(100, "in all"),
      per_target: quota(50, "for one target"),
      per_source: quota(5, "for one source"),
    }),
    "The maximum numbers of integrations.",
    "a mapping with per_account, per_target and per_source",
  ).prefault({}),
  listen: setting(
    z.strictObject({
      api: setting(
        z.string().refine(isAddress, `must be ${addressAllowed}`),
        "The RDS API, /healthz and /metrics. Default 127.0.0.1:5440.",
        addressAllowed,
      ).default("127.0.0.1:5440"),
      sql: setting(
        z.string().refine(isAddress, `must be ${addressAllowed}`),
        "The SQL endpoint, once it exists. Default 127.0.0.1:5439.",
        addressAllowed,
      ).default("127.0.0.1:5439"),
    }),
    "Where the service listens.",
    "a mapping with api and sql",
  ).prefault({}),
  events: setting(
    z.strictObject({
      webhook: setting(
        z.string().refine(isWebUrl, `must be ${webUrlAllowed}`),
        "Where each event of an integration is sent, too: a POST of JSON in the form of EventBridge, at least once, in order for one integration, again and again until the answer is 2xx. Characters of the password that URLs use themselves are percent-encoded. Default: nowhere.",
        webUrlAllowed,
      ).optional(),
    }),
    "Where events of integrations are sent, in addition to DescribeEvents and the log.",
    "a mapping with webhook",
  ).prefault({}),
  credentials: setting(
    z.array(credential).min(1),
    "Access keys of the API. If absent, one is created at the first start and kept in data_dir/credentials.json.",
    "a list with at least one access key",
  ).optional(),
  kms: kmsSettings,
  queries: queriesSettings,
};

/** What a configuration can name as `engine`. */
interface Engines {
  readonly sources: EngineKinds;
  readonly targets: EngineSettings;
}

/** Every setting of the configuration file. Documentation, JSON Schema and messages are generated from this table. */
export function configurationSchema(engines: Engines) {
  const sources = z.array(sourceSchema(Object.keys(engines.sources)));
  const targets = z.array(targetSchema(engines.targets));
  return z.strictObject({
    ...sections,
    sources: setting(sources, "The databases to replicate from.", "a list of sources").default([]),
    targets: setting(targets, "The warehouses to replicate to.", "a list of targets").default([]),
  });
}

type Schema = ReturnType<typeof configurationSchema>;
type Settings = z.output<Schema>;

/** What a configuration file may say. */
export type SettingsInput = z.input<Schema>;

export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface ClientCredential {
  readonly accessKeyId: string;
  readonly secretAccessKey: Secret;
}

export interface Credential extends ClientCredential {
  /** Undefined: every action is allowed. */
  readonly policy: Policy | undefined;
}

export interface ConfiguredSource {
  readonly resource: SourceResource;
  readonly url: Secret;
}

export interface Configuration {
  readonly account: string;
  readonly region: string;
  /** Absolute. */
  readonly dataDirectory: string;
  readonly catalogUrl: Secret | undefined;
  readonly quotas: { readonly perAccount: number; readonly perTarget: number; readonly perSource: number };
  readonly listenApi: Address;
  /** Events are also sent to it. */
  readonly webhook: Secret | undefined;
  /** Empty: created at the first start and kept in the data directory. */
  readonly credentials: readonly Credential[];
  readonly kms: ConfiguredKms;
  /** How often keys are checked. */
  readonly keyCheckMs: number;
  readonly queries: QueryLimits;
  readonly sources: readonly ConfiguredSource[];
  readonly targets: readonly ConfiguredTarget[];
  /** The output of `fingerprintsOf`, by top key. */
  readonly fingerprints: Readonly<Record<string, string>>;
  /** Settings that are allowed but unwise, as sentences. */
  readonly warnings: readonly string[];
  /** Refuses the setting at a path with a sentence, as the table above does: for checks that only engines can make. */
  readonly refuse: (path: SettingPath, sentence: string) => never;
}

/** What a client of the service needs, too. */
interface FileRequest {
  /** As typed by the user; relative to the working directory. */
  readonly file: string;
  /** The value of --data-dir: overrides the file. */
  readonly dataDirectory?: string | undefined;
  readonly variables?: Variables;
}

export interface ConfigurationRequest extends FileRequest {
  readonly engines: Engines;
}

/** The environment variables of this process. All other code is passed what it needs of them. */
export function environment(): Variables {
  return process.env;
}

/** Reads the configuration file. Throws `CodedError` CONFIGURATION with file and line, and the allowed values. */
export async function loadConfiguration(request: ConfigurationRequest): Promise<Configuration> {
  const file = await readConfigFile(request.file);
  file.interpolate(request.variables ?? environment());
  const schema = configurationSchema(request.engines);
  const parsed = schema.safeParse(file.values() ?? {}, { reportInput: true });
  if (!parsed.success) return file.refuseIssues(parsed.error.issues, schema);
  const refuse = (path: SettingPath, sentence: string): never => file.refuse(path, sentence);
  const base = dirname(resolve(request.file));
  const warnings = [
    ...(await warningsOf(request.file, file, parsed.data)),
    ...(await kmsWarnings(parsed.data.kms, base)),
  ];
  return interpret(parsed.data, {
    base,
    kinds: request.engines.sources,
    policies: await readPolicies(parsed.data.credentials ?? [], base, refuse),
    dataDirectory: request.dataDirectory,
    warnings,
    refuse,
  });
}

/** What a client of the running service needs to know. */
export interface ClientConfiguration {
  readonly dataDirectory: string;
  /** Credentials without restrictions come first. */
  readonly credentials: readonly ClientCredential[];
}

const { data_dir, credentials } = sections;
const clientSchema = z.looseObject({ data_dir, credentials });

/** Like `loadConfiguration`, but requires no variable that only the service uses; without a file, the defaults. */
export async function loadClientConfiguration(
  request: FileRequest & { readonly fileMayBeMissing: boolean },
): Promise<ClientConfiguration> {
  const file = await readConfigFile(request.file).catch((error: unknown) => {
    if (request.fileMayBeMissing && error instanceof MissingFile) return undefined;
    throw error;
  });
  file?.interpolate(request.variables ?? environment(), Object.keys(clientSchema.shape));
  const parsed = clientSchema.safeParse(file?.values() ?? {}, { reportInput: true });
  if (!parsed.success) return refuseIn(file, parsed.error.issues);
  const base = dirname(resolve(request.file));
  return {
    dataDirectory:
      request.dataDirectory === undefined
        ? resolve(base, parsed.data.data_dir)
        : resolve(request.dataDirectory),
    credentials: clientCredentialsOf(parsed.data),
  };
}

function clientCredentialsOf({ credentials = [] }: Pick<Settings, "credentials">): ClientCredential[] {
  const free = credentials.filter(({ policy }) => policy === undefined);
  const bound = credentials.filter(({ policy }) => policy !== undefined);
  return [...free, ...bound].map(credentialOf);
}

function refuseIn(file: ConfigFile | undefined, issues: readonly z.core.$ZodIssue[]): never {
  if (file === undefined) return refuseIssues(issues, { schema: clientSchema, values: {} });
  return file.refuseIssues(issues, clientSchema);
}

interface Context {
  readonly base: string;
  readonly kinds: EngineKinds;
  readonly dataDirectory: string | undefined;
  /** The credentials' policies, in the same order. */
  readonly policies: readonly (Policy | undefined)[];
  readonly warnings: readonly string[];
  readonly refuse: (path: SettingPath, sentence: string) => never;
}

function interpret(settings: Settings, context: Context): Configuration {
  refuseRepeated(settings, context);
  refuseUnsupported(settings, context);
  const { account, region, quotas } = settings;
  return {
    account,
    region,
    dataDirectory:
      context.dataDirectory === undefined
        ? resolve(context.base, settings.data_dir)
        : resolve(context.dataDirectory),
    catalogUrl: settings.catalog === undefined ? undefined : new Secret(settings.catalog),
    quotas: { perAccount: quotas.per_account, perTarget: quotas.per_target, perSource: quotas.per_source },
    listenApi: addressOf(settings.listen.api),
    webhook: settings.events.webhook === undefined ? undefined : new Secret(settings.events.webhook),
    credentials: (settings.credentials ?? []).map((entry, index) => ({
      ...credentialOf(entry),
      policy: context.policies[index],
    })),
    kms: interpretKms(settings.kms, context),
    keyCheckMs: settings.kms.check_seconds * 1_000,
    queries: interpretQueries(settings.queries),
    sources: settings.sources.map((source) => interpretSource(source, settings, context.kinds)),
    targets: settings.targets.map((target) => interpretTarget(target, settings)),
    fingerprints: fingerprintsOf(settings),
    warnings: context.warnings,
    refuse: context.refuse,
  };
}

function interpretSource(
  { name, kind, engine, url }: Settings["sources"][number],
  { region, account }: Settings,
  kinds: EngineKinds,
): ConfiguredSource {
  const engineKind = present(kinds[engine], "the schema allows no other engines");
  const arn = `arn:aws:rds:${region}:${account}:${kind === "cluster" ? "cluster" : "db"}:${name}`;
  const [endpoint, database] = [endpointOf(engineKind, url), databaseOf(engineKind, url)];
  return {
    resource: { name, kind, engine, filters: engineKind, arn, endpoint, database },
    url: new Secret(url),
  };
}

function credentialOf(entry: z.output<typeof credential>): ClientCredential {
  return {
    accessKeyId: entry.access_key_id,
    secretAccessKey: new Secret(entry.secret_access_key),
  };
}

function addressOf(text: string): Address {
  const colon = text.lastIndexOf(":");
  return { host: text.slice(0, colon).replace(/^\[|\]$/g, ""), port: Number(text.slice(colon + 1)) };
}

function refuseRepeated(settings: Settings, { refuse }: Context): void {
  const namespaces = settings.targets.map(namespaceIdOf);
  const lists: readonly { list: string; key: string; values: readonly string[] }[] = [
    { list: "sources", key: "name", values: settings.sources.map(({ name }) => name) },
    { list: "targets", key: "name", values: settings.targets.map(({ name }) => name) },
    { list: "targets", key: "namespace_id", values: namespaces },
    {
      list: "credentials",
      key: "access_key_id",
      values: (settings.credentials ?? []).map(({ access_key_id }) => access_key_id),
    },
  ];
  for (const { list, key, values } of lists) {
    const folded = values.map((value) => value.toLowerCase());
    const repeated = folded.findIndex((value, index) => folded.indexOf(value) < index);
    if (repeated >= 0) refuse([list, repeated, key], `${list}[${repeated}].${key} is used twice`);
  }
}

function refuseUnsupported(settings: Settings, { refuse }: Context): void {
  const index = settings.targets.findIndex((entry) => !entry.auto_create_database);
  if (index >= 0)
    refuse(
      ["targets", index, "auto_create_database"],
      `targets[${index}].auto_create_database: false is not supported yet, as it needs the SQL endpoint; leave it out`,
    );
}

/** Warns of a file that others can read if it contains secrets. */
async function warningsOf(path: string, file: ConfigFile, settings: Settings): Promise<string[]> {
  if (!(await othersCanRead(path))) return [];
  const secrets: SettingPath[] = [
    ...(settings.credentials ?? []).map((_, index) => ["credentials", index, "secret_access_key"]),
    ...settings.sources.flatMap(({ url }, index) => (hasPassword(url) ? [["sources", index, "url"]] : [])),
    ...settings.targets.flatMap(({ users }, index) =>
      (users ?? []).map((_, at) => ["targets", index, "users", at, "password"]),
    ),
    ...(settings.catalog !== undefined && hasPassword(settings.catalog) ? [["catalog"]] : []),
    ...(settings.events.webhook !== undefined && hasToken(settings.events.webhook)
      ? [["events", "webhook"]]
      : []),
    ...kmsSecrets(settings.kms),
  ];
  const found = secrets.find((at) => file.literal(at));
  return found === undefined
    ? []
    : [
        `${file.where(found)}: a secret stands in a file that others can read: chmod 600 ${path}, or use \${VARIABLE}`,
      ];
}

/** Webhooks have their secret in place of a password, or in the query. */
function hasToken(url: string): boolean {
  return hasPassword(url) || new URL(url).search !== "";
}

function hasPassword(url: string): boolean {
  return URL.canParse(url) && new URL(url).password !== "";
}
