import { randomBytes } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import type { ServiceName } from "../../src/api/services.ts";
import { SecretBytes } from "../../src/base/secret.ts";
import { LocalKeys } from "../../src/kms/local-keys.ts";
import { account, mysqlFilters, region, sourceArn, sources, testDataKeys } from "../support/aws-service.ts";
import { TestPostgres } from "../support/postgres.ts";
import { RdsSession } from "../support/rds-session.ts";
import { PythonClients, SdkClients, type ClientCall, type Parsed } from "./clients.ts";
import type { Ledger } from "./ledger.ts";
import { read } from "./reading.ts";
import { Recorder, type Exchange } from "./recorder.ts";
import { keyAlias, type Input, type Probe, type World } from "./scenario.ts";
import type { ServiceModel } from "./service-model.ts";
import { errorIn, outputIn } from "./answer.ts";

/** So many that they do not fit on a page. */
const many = Array.from({ length: 21 }, (_, index) => index);

const moreClusters = many.map((index) => {
  const name = `cluster-${index}`;
  return {
    name,
    kind: "cluster",
    engine: "mysql",
    filters: mysqlFilters,
    arn: sourceArn(name, "cluster"),
    endpoint: undefined,
    database: undefined,
  } as const;
});

const moreVersions = many.map((index) => ({ engine: "postgres", majorVersion: String(index + 1) }));

type Client = "boto3" | "AWS CLI" | "@aws-sdk";

const key = {
  id: "1234abcd-12ab-34cd-56ef-1234567890ab",
  aliases: [keyAlias],
  isEnabled: true,
  material: async () => new SecretBytes(randomBytes(32)),
};

/** A service in its own process and three clients, to which scenarios put their calls. */
export class Conformance implements AsyncDisposable {
  readonly world: World;
  /** What is not as it should be, in sentences. */
  readonly flaws: string[] = [];
  readonly python: PythonClients;
  readonly #sdk: SdkClients;
  readonly #recorder: Recorder;

  readonly #database: TestPostgres;

  private constructor(
    world: World,
    database: TestPostgres,
    { recorder, python }: { recorder: Recorder; python: PythonClients },
  ) {
    this.world = world;
    this.#database = database;
    this.#recorder = recorder;
    this.python = python;
    this.#sdk = new SdkClients(recorder.url);
  }

  static async start(services: readonly ServiceName[]): Promise<Conformance> {
    // Not an embedded catalog: it has one connection, so that nobody ever meets another one.
    const database = await TestPostgres.start();
    const now = new Date();
    const quotas = { perAccount: 10_000, perTarget: 10_000, perSource: 10_000 };
    const session = await RdsSession.start({
      location: { kind: "server", url: database.url() },
      quotas,
      now: () => now,
      sources: [...sources, ...moreClusters],
      engineVersions: moreVersions,
      dataKeys: testDataKeys(new LocalKeys({ account, region }, [key])),
    });
    const recorder = await Recorder.start(session.service.url);
    const python = await PythonClients.start(recorder.url, services);
    const whilePolicyChanges: World["whilePolicyChanges"] = (arn, act) =>
      withPolicyLocked(database, arn, act);
    return new Conformance({ session, quotas, now, whilePolicyChanges }, database, { recorder, python });
  }

  model(service: ServiceName): ServiceModel {
    const model = this.python.models.get(service);
    if (model === undefined) throw new Error(`no model of ${service}`);
    return model;
  }

  /** Puts calls of the action to all clients, and writes into the ledger what they show. */
  probe(service: ServiceName, action: string, ledger: Ledger): Probe {
    const round = (input: Input): Promise<Round> =>
      this.#ask({ model: this.model(service), call: { service, action, input }, ledger });
    return {
      world: this.world,
      accepts: async (input) => {
        const { output, error } = await round(input);
        if (output === undefined) throw new Error(`${service} ${action} is refused with ${error}`);
        return output;
      },
      refuses: async (name, input) => {
        const { error } = await round(input);
        if (error !== name)
          throw new Error(`${service} ${action} is answered with ${error ?? "an output"}, not ${name}`);
      },
    };
  }

  async #ask({ model, call, ledger }: Question): Promise<Round> {
    const sdk = await this.#sdk.call(call);
    const python = await this.python.call({ ...call, input: call.input });
    const parsed = { "@aws-sdk": sdk, boto3: python.boto3, "AWS CLI": python.cli };
    const exchanges = this.#recorder.take();
    const [exchange] = exchanges;
    if (exchange === undefined || exchanges.length !== 3)
      throw new Error(`${call.action}: the clients asked ${exchanges.length} times`);
    const flaw = (what: string): void =>
      void this.flaws.push(`${call.service} ${call.action}(${JSON.stringify(call.input)}): ${what}`);
    checkAlike(exchanges, flaw);
    const sent = read(model, model.input(call.action), call.input);
    for (const path of sent.paths) ledger.sent.add(path);
    if (exchange.status !== 200)
      return { error: checkError({ model, call, exchange, parsed, flaw }, ledger) };
    for (const path of sent.paths) ledger.accepted.add(path);
    return { output: checkOutput({ model, call, exchange, parsed, flaw }, ledger) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#sdk[Symbol.dispose]();
    await this.python[Symbol.asyncDispose]();
    await this.#recorder[Symbol.asyncDispose]();
    await this.world.session[Symbol.asyncDispose]();
    await this.#database[Symbol.asyncDispose]();
  }
}

/** As another process on the same catalog does it. */
async function withPolicyLocked(
  database: TestPostgres,
  arn: string,
  act: () => Promise<void>,
): Promise<void> {
  const client = await database.connect();
  try {
    await client.query("SELECT pg_advisory_lock(hashtext('zeroetl.resource_policies'), hashtext($1))", [arn]);
    await act();
  } finally {
    await client.end();
  }
}

interface Question {
  readonly model: ServiceModel;
  readonly call: ClientCall;
  readonly ledger: Ledger;
}

interface Round {
  readonly output?: Readonly<Record<string, unknown>>;
  /** Its name, as SDKs have it. */
  readonly error?: string;
}

interface Answered {
  readonly model: ServiceModel;
  readonly call: ClientCall;
  readonly exchange: Exchange;
  readonly parsed: Readonly<Record<Client, Parsed>>;
  readonly flaw: (what: string) => void;
}

/** The clients must send the same, and get the same but for the number of the request. */
function checkAlike([first, ...others]: readonly Exchange[], flaw: (what: string) => void): void {
  for (const other of others) {
    const [a, b] = [first?.parameters, other.parameters].map((asked) => JSON.stringify(sorted(asked)));
    if (a !== b) flaw(`the clients do not send the same: ${a}, ${b}`);
    if (withoutRequestId(first?.body) !== withoutRequestId(other.body))
      flaw(`the clients are not answered alike: ${first?.body}, ${other.body}`);
  }
}

function sorted(parameters: unknown): unknown {
  return Object.entries(parameters as object).toSorted(([a], [b]) => (a < b ? -1 : 1));
}

function withoutRequestId(body: string | undefined): string | undefined {
  return body?.replace(/<RequestId>[0-9a-f-]{36}<\/RequestId>/, "");
}

/** What is on the wire must be known to the model and complete, and every client must have parsed just that. */
function checkOutput(
  { model, call, exchange, parsed, flaw }: Answered,
  ledger: Ledger,
): Readonly<Record<string, unknown>> {
  const shape = model.output(call.action);
  const wire = read(model, shape, outputIn(model, call.action, exchange.body));
  for (const what of wire.flaws) flaw(what);
  for (const path of wire.paths) ledger.produced.add(path);
  for (const [client, answer] of Object.entries(parsed)) {
    const value = "output" in answer ? read(model, shape, answer.output) : { value: answer.error, flaws: [] };
    for (const what of value.flaws) flaw(`${client}: ${what}`);
    if (!isDeepStrictEqual(value.value, wire.value))
      flaw(`${client} parsed ${JSON.stringify(value.value)} and not ${JSON.stringify(wire.value)}`);
  }
  return wire.value as Readonly<Record<string, unknown>>;
}

/** A declared error must have the model's status; what clients show must be what is on the wire. */
function checkError({ model, call, exchange, parsed, flaw }: Answered, ledger: Ledger): string {
  const { code, message } = errorIn(model, exchange.body);
  const declared = model.errors(call.action).find((error) => error.code === code);
  const name = declared?.name ?? String(code);
  ledger.provoked.add(name);
  if (declared !== undefined && declared.status !== exchange.status)
    flaw(`${name} has the status ${exchange.status} and not ${declared.status}`);
  const wire = { code, name, status: exchange.status, message };
  for (const [client, answer] of Object.entries(parsed)) {
    const seen = "error" in answer ? answer.error : { message: undefined };
    // A client need not show everything.
    if (!isDeepStrictEqual({ ...wire, ...seen }, wire))
      flaw(`${client} parsed ${JSON.stringify(answer)} and not ${JSON.stringify(wire)}`);
  }
  return name;
}
