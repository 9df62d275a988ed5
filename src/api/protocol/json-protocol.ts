import { AwsError, type AwsErrorCode } from "../../wire/aws/error.ts";
import { parseBody, printBody, printJsonError } from "../../wire/aws/json.ts";
import type { Protocol } from "./protocol.ts";
import { jsonServices, type JsonService } from "../services.ts";

/** The only service here that uses it. */
const serverless = "redshift-serverless";

/** AWS JSON 1.1: the action in the header `X-Amz-Target`, its input and result as JSON. */
export const jsonProtocol: Protocol = {
  services: [serverless],
  methods: ["POST"],
  contentType: "application/x-amz-json-1.1",
  open: ({ header, body }) => {
    const { targetPrefix, actions }: JsonService = jsonServices[serverless];
    const target = header("x-amz-target") ?? "";
    const action = actions.find(({ name }) => target === `${targetPrefix}.${name}`);
    if (action === undefined)
      throw new AwsError("InvalidAction", `Could not find operation ${target.slice(0, 128)}`);
    return { action, input: () => parseBody(action.input, body) };
  },
  printResult: ({ action: { output }, value }) =>
    output === undefined || value === undefined ? "{}" : printBody(output, value),
  printError: ({ error }) => {
    const { code, status } = spoken[error.code] ?? error;
    return {
      code,
      status,
      body: printJsonError(code, error.message),
      headers: { "x-amzn-errortype": code },
    };
  },
};

/**
 * The JSON services' codes for errors that are not specific to one service; other codes are the same in both protocols.
 */
const spoken: Partial<Record<AwsErrorCode, { readonly code: string; readonly status: number }>> = {
  InvalidAction: { code: "UnknownOperationException", status: 400 },
  InvalidParameterValue: { code: "ValidationException", status: 400 },
  InvalidParameterCombination: { code: "ValidationException", status: 400 },
  MissingParameter: { code: "ValidationException", status: 400 },
  ValidationError: { code: "ValidationException", status: 400 },
  MalformedQueryString: { code: "SerializationException", status: 400 },
  RequestEntityTooLarge: { code: "RequestEntityTooLargeException", status: 413 },
  IncompleteSignature: { code: "IncompleteSignatureException", status: 400 },
  MissingAuthenticationToken: { code: "MissingAuthenticationTokenException", status: 400 },
  InvalidClientTokenId: { code: "UnrecognizedClientException", status: 400 },
  SignatureDoesNotMatch: { code: "InvalidSignatureException", status: 400 },
  AccessDenied: { code: "AccessDeniedException", status: 400 },
  ServiceUnavailable: { code: "ServiceUnavailableException", status: 503 },
  InternalFailure: { code: "InternalServerException", status: 500 },
};
