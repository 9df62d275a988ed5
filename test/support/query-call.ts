import { XMLParser } from "fast-xml-parser";
import type { credentials as everybodys } from "./aws-service.ts";
import { signedHeaders } from "./signing.ts";

/** Who answers. */
export interface QueryService {
  readonly url: string;
  /** Instead of the network. */
  readonly handle?: (request: Request) => Response | Promise<Response>;
}

export interface QueryCall {
  /** The service that the signature is for. */
  readonly service: string;
  readonly version: string;
  readonly action: string;
  readonly parameters?: Readonly<Record<string, string>>;
  /** Default: those of the key that may do everything. */
  readonly credentials?: typeof everybodys;
}

export interface QueryAnswer {
  readonly status: number;
  readonly text: string;
  /** The XML, with elements as properties and texts as strings. */
  readonly xml: unknown;
}

const parser = new XMLParser({ ignoreAttributes: true, parseTagValue: false, ignoreDeclaration: true });

/** Calls an action of the Query protocol for which no client is at hand. */
export async function queryCall(
  { url, handle = fetch }: QueryService,
  call: QueryCall,
): Promise<QueryAnswer> {
  const { service, version, action, parameters, credentials } = call;
  const body = new URLSearchParams({ Action: action, Version: version, ...parameters }).toString();
  const headers = await signedHeaders(url, { service, credentials, body });
  const answer = await handle(new Request(url, { method: "POST", headers, body }));
  const text = await answer.text();
  return { status: answer.status, text, xml: parser.parse(text) };
}
