import { Sha256 } from "@aws-crypto/sha256-js";
import { SignatureV4 } from "@smithy/signature-v4";
import { XMLParser } from "fast-xml-parser";
import { credentials as everybodys, region } from "./aws-service.ts";

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
export async function queryCall(at: { readonly url: string }, call: QueryCall): Promise<QueryAnswer> {
  const { host, hostname, port } = new URL(at.url);
  const { service, version, action, parameters, credentials = everybodys } = call;
  const body = new URLSearchParams({ Action: action, Version: version, ...parameters }).toString();
  const signer = new SignatureV4({ service, region, credentials, sha256: Sha256 });
  const { headers } = await signer.sign({
    method: "POST",
    protocol: "http:",
    hostname,
    port: Number(port),
    path: "/",
    headers: { host, "content-type": "application/x-www-form-urlencoded" },
    body,
  });
  const answer = await fetch(at.url, { method: "POST", headers, body });
  const text = await answer.text();
  return { status: answer.status, text, xml: parser.parse(text) };
}
