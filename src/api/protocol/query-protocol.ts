import { AwsError } from "../../wire/aws/error.ts";
import { parameterTree, parseInput } from "../../wire/aws/query.ts";
import { printError, printMembers, printSuccess } from "../../wire/aws/xml.ts";
import { parseForm, type FormParameter } from "../../wire/aws/form.ts";
import type { Protocol } from "./protocol.ts";
import { queryServices, type QueryService, type QueryServiceName } from "../services.ts";

const names = Object.keys(queryServices) as [QueryServiceName, ...QueryServiceName[]];

/** AWS Query: a form with `Action` and `Version`, answered in XML. */
export const queryProtocol: Protocol = {
  services: names,
  methods: ["POST", "GET"],
  contentType: "text/xml;charset=utf-8",
  open: ({ query, body }, name) => {
    const service = serviceOf(name);
    const parameters = [...unsignedPart(parseForm(query)), ...parseForm(textOf(body))];
    const action = actionOf(service, parameters);
    const operation = service.operations[action];
    if (operation === undefined) throw noOperation(action, service.version);
    return { action, operation, input: () => parseInput(operation.input, parameterTree(parameters)) };
  },
  printResult: ({ service, action, requestId, output, value }) => {
    const result = output === undefined || value === undefined ? undefined : printMembers(output, value);
    return printSuccess({ action, namespace: serviceOf(service).namespace, requestId, result });
  },
  printError: ({ service, requestId, error }) => ({
    code: error.code,
    status: error.status,
    body: printError({ namespace: serviceOf(service).namespace, requestId, error }),
  }),
};

function serviceOf(name: string): QueryService {
  return queryServices[names.find((candidate) => candidate === name) ?? "rds"];
}

/** One byte per character. */
function textOf(body: Uint8Array): string {
  return Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("latin1");
}

/** The query string without the signature of a presigned URL. */
function unsignedPart(parameters: readonly FormParameter[]): FormParameter[] {
  return parameters.filter(({ name }) => !name.startsWith("X-Amz-"));
}

/** The name of an operation of the service. */
function actionOf(service: QueryService, parameters: readonly FormParameter[]): string {
  const value = (wanted: string): string | undefined =>
    parameters.find(({ name }) => name === wanted)?.value || undefined;
  const action = value("Action");
  if (action === undefined)
    throw new AwsError("MissingAction", "The request must contain the parameter Action.");
  const version = value("Version") ?? "NO_VERSION_SPECIFIED";
  if (version !== service.version || !Object.hasOwn(service.operations, action))
    throw noOperation(action, version);
  return action;
}

function noOperation(action: string, version: string): AwsError {
  return new AwsError(
    "InvalidAction",
    `Could not find operation ${action.slice(0, 128)} for version ${version.slice(0, 32)}`,
  );
}
