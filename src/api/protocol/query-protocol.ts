import { AwsError } from "../../wire/aws/error.ts";
import { parameterTree, parseInput } from "../../wire/aws/query.ts";
import { printError, printMembers, printSuccess } from "../../wire/aws/xml.ts";
import { parseForm, type FormParameter } from "../../wire/aws/form.ts";
import type { Action } from "../action.ts";
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
    return { action, input: () => parseInput(action.input, parameterTree(parameters)) };
  },
  printResult: ({ service, action: { name, output }, requestId, value }) => {
    const result = output === undefined || value === undefined ? undefined : printMembers(output, value);
    return printSuccess({ action: name, namespace: serviceOf(service).namespace, requestId, result });
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

function actionOf(service: QueryService, parameters: readonly FormParameter[]): Action {
  const value = (wanted: string): string | undefined =>
    parameters.find(({ name }) => name === wanted)?.value || undefined;
  const name = value("Action");
  if (name === undefined)
    throw new AwsError("MissingAction", "The request must contain the parameter Action.");
  const version = value("Version") ?? "NO_VERSION_SPECIFIED";
  const action = service.actions.find((candidate) => candidate.name === name);
  if (action === undefined || version !== service.version)
    throw new AwsError(
      "InvalidAction",
      `Could not find operation ${name.slice(0, 128)} for version ${version.slice(0, 32)}`,
    );
  return action;
}
