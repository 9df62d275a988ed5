import { XMLParser, XMLValidator } from "fast-xml-parser";
import { expect } from "vitest";

/** What the client did wrong, with the status that AWS's error tables give it; all others have 400. */
const statuses: Readonly<Record<string, number>> = {
  MissingAuthenticationToken: 403,
  SignatureDoesNotMatch: 403,
  InvalidClientTokenId: 403,
  AccessDenied: 403,
  MalformedQueryString: 404,
  IntegrationNotFoundFault: 404,
  DBInstanceNotFound: 404,
  DBClusterNotFoundFault: 404,
  ClusterNotFound: 404,
  ResourceNotFoundFault: 404,
  ConflictPolicyUpdateFault: 409,
  RequestEntityTooLarge: 413,
};

interface Envelope {
  readonly ErrorResponse: {
    readonly Error: { readonly Type: string; readonly Code: string; readonly Message: string };
    readonly RequestId: string;
  };
}

const parser = new XMLParser({ htmlEntities: true, parseTagValue: false });

/** Code and request id of a refusal, after everything else of its envelope was found to be as it must be. */
export function errorEnvelope(
  status: number,
  xml: string,
): { readonly code: string; readonly requestId: string } {
  expect(XMLValidator.validate(xml)).toBe(true);
  const { Error, RequestId } = (parser.parse(xml) as Envelope).ErrorResponse;
  expect({ code: Error.Code, status }).toEqual({ code: Error.Code, status: statuses[Error.Code] ?? 400 });
  expect(Error.Type).toBe("Sender");
  expect(Error.Message.length).toBeLessThan(2_000);
  return { code: Error.Code, requestId: RequestId };
}

/** The same of the protocol AWS JSON. */
export function jsonErrorEnvelope(status: number, body: string): { readonly code: string } {
  const { __type: code, message, ...rest } = JSON.parse(body) as Readonly<Record<string, string>>;
  expect(rest).toEqual({});
  expect(message?.length).toBeLessThan(2_000);
  expect(code).toMatch(/^[A-Z][A-Za-z]+Exception$/);
  expect({ code, status }).toEqual({ code, status: code === "RequestEntityTooLargeException" ? 413 : 400 });
  return { code: code ?? "" };
}
