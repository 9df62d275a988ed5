import {
  CreateIntegrationCommand,
  DeleteIntegrationCommand,
  ModifyIntegrationCommand,
  RDSClient,
  RDSServiceException,
  type Integration,
} from "@aws-sdk/client-rds";
import { CodedError } from "../../base/errors.ts";
import type { ServiceClient } from "../client.ts";
import { calledAs } from "../command-name.ts";
import { clientOf, type CommandContext } from "../context.ts";
import { shellQuoted } from "../text.ts";

export interface IntegrationFlags {
  readonly name?: string | undefined;
  readonly filter?: string | undefined;
  readonly database?: string | undefined;
  readonly json?: boolean | undefined;
}

interface Pair {
  readonly source: string;
  readonly target: string;
}

/** `zeroetl create`: by default everything in the database that the source's url names. */
export async function create(context: CommandContext, pair: Pair, flags: IntegrationFlags): Promise<number> {
  const client = await clientOf(context);
  const { sources, targets } = await client.ask("status", {}, context.signal);
  const source = found("source", pair.source, sources);
  const target = found("target", pair.target, targets);
  const filter =
    flags.filter ?? (source.database === null ? undefined : `include: ${quoted(source.database)}.*.*`);
  const { database } = flags;
  const integration = await asking(client, (rds) =>
    rds.send(
      new CreateIntegrationCommand({
        IntegrationName: flags.name ?? source.name,
        SourceArn: source.arn,
        TargetArn: target.arn,
        DataFilter: filter,
        Tags: database === undefined ? undefined : [{ Key: "zeroetl:database", Value: database }],
      }),
      { abortSignal: context.signal },
    ),
  );
  return report(context, integration, {
    flags,
    sentence: `is being created, with the data filter ${filter}`,
  });
}

/** `zeroetl modify`. */
export async function modify(
  context: CommandContext,
  identifier: string,
  flags: IntegrationFlags,
): Promise<number> {
  if (flags.name === undefined && flags.filter === undefined)
    throw new CodedError("USAGE", "There is nothing to change: give --name, --filter or both.");
  const client = await clientOf(context);
  const integration = await asking(client, (rds) =>
    rds.send(
      new ModifyIntegrationCommand({
        IntegrationIdentifier: identifier,
        IntegrationName: flags.name,
        DataFilter: flags.filter,
      }),
      { abortSignal: context.signal },
    ),
  );
  return report(context, integration, { flags, sentence: "is being modified" });
}

/** `zeroetl delete`. */
export async function remove(
  context: CommandContext,
  identifier: string,
  flags: IntegrationFlags,
): Promise<number> {
  const client = await clientOf(context);
  const integration = await asking(client, (rds) =>
    rds.send(new DeleteIntegrationCommand({ IntegrationIdentifier: identifier }), {
      abortSignal: context.signal,
    }),
  );
  return report(context, integration, {
    flags,
    sentence: "is being deleted; its rows stay readable in the warehouse",
  });
}

function found<Resource extends { readonly name: string; readonly arn: string }>(
  kind: "source" | "target",
  wanted: string,
  resources: readonly Resource[],
): Resource {
  const resource = resources.find(({ name, arn }) => name === wanted || arn === wanted);
  if (resource !== undefined) return resource;
  const names = resources.map(({ name }) => name).join(", ");
  throw new CodedError(
    "USAGE",
    `There is no ${kind} ${JSON.stringify(wanted)} in the configuration; it has ${names || "none"}.`,
  );
}

/** A name in the syntax of a data filter. */
function quoted(name: string): string {
  return /^[A-Za-z_][\w$]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
}

/** Sends requests to the RDS API of the running service, with the service's own credentials. */
async function asking(
  client: ServiceClient,
  ask: (rds: RDSClient) => Promise<Integration>,
): Promise<Integration> {
  const { accessKeyId, secretAccessKey } = client.credential;
  const rds = new RDSClient({
    endpoint: client.api,
    region: client.region,
    credentials: { accessKeyId, secretAccessKey: secretAccessKey.reveal() },
    maxAttempts: 1,
  });
  try {
    return await ask(rds);
  } catch (error) {
    throw failureOf(error, client);
  } finally {
    rds.destroy();
  }
}

/** In the wording of the API, with its name of the fault. */
function failureOf(error: unknown, { api }: ServiceClient): unknown {
  if (error instanceof RDSServiceException) {
    if (error.name === "IntegrationNotFoundFault")
      return new CodedError("INTEGRATION_NOT_FOUND", error.message, { cause: error });
    return new CodedError("REQUEST_REFUSED", `${error.message} (${error.name})`, { cause: error });
  }
  if (error instanceof Error && "code" in error)
    return new CodedError("SERVICE_NOT_RUNNING", `No service answers at ${api} (${String(error.code)})`, {
      cause: error,
    });
  return error;
}

async function report(
  { terminal }: CommandContext,
  integration: Integration,
  { flags, sentence }: { readonly flags: IntegrationFlags; readonly sentence: string },
): Promise<number> {
  if (flags.json === true) {
    const { IntegrationName, IntegrationArn, Status, DataFilter, SourceArn, TargetArn } = integration;
    await terminal.print(
      JSON.stringify({ IntegrationName, IntegrationArn, Status, DataFilter, SourceArn, TargetArn }),
    );
    return 0;
  }
  const { IntegrationName: name = "" } = integration;
  await terminal.print(`Integration ${name} ${sentence}.`);
  await terminal.print(`Current state: ${calledAs()} status ${shellQuoted(name)}`);
  return 0;
}
