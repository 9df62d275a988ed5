import { region, sourceArn, targets, account } from "./aws-service.ts";
import type { Dice } from "./dice.ts";
import { presignedQuery, signedHeaders } from "./signing.ts";

/** A request while it is being spoiled. Texts hold a byte per character. */
export interface Draft {
  service: string;
  method: string;
  /** Behind the question mark. */
  query: string;
  body: string;
  headers: [name: string, value: string][];
  signing: "header" | "presigned" | "none";
  target: "origin" | "absolute" | "fragment";
  version: string;
  framing: Framing;
  /** Whether HTTP itself may be broken, so that the server's parser may refuse it, without an envelope. */
  isHttpBroken: boolean;
}

export type Framing =
  | "length"
  | "chunked"
  | "broken-chunks"
  | "short"
  | "long"
  | "both"
  | "no-number"
  | "twice";

type Fields = Readonly<Record<string, string>>;

const rds = { service: "rds", Version: "2014-10-31" };
const redshift = { service: "redshift", Version: "2012-12-01" };
const arn = `arn:aws:rds:${region}:${account}:integration:00000000-0000-4000-8000-000000000000`;

/** Not all of them have four digits for the year in UTC. */
const times = [
  "2026-01-31T12:00:00Z",
  "9999-12-31T23:59:59.999Z",
  "9999-12-31T23:59-23:59",
  "0000-01-01T00:00+23:59",
  "0001-01-01T00:00Z",
] as const;

/** Whatever an action takes, each at least once. */
const templates: readonly ((dice: Dice) => Fields & { readonly service: string })[] = [
  (dice) => ({
    ...rds,
    Action: "CreateIntegration",
    IntegrationName: `fuzz-${dice.int(30)}`,
    SourceArn: sourceArn(`source-${dice.int(5)}`),
    TargetArn: targets[dice.int(6)]?.arn ?? "",
    DataFilter: "include: shop.*.*",
    Description: "für alle",
    "Tags.Tag.1.Key": "k",
    "Tags.Tag.1.Value": "v",
  }),
  () => ({ ...rds, Action: "CreateIntegration", "AdditionalEncryptionContext.entry.1.key": "a" }),
  () => ({ ...rds, Action: "DescribeIntegrations", MaxRecords: "20" }),
  () => ({
    ...rds,
    Action: "DescribeIntegrations",
    "Filters.Filter.1.Name": "status",
    "Filters.Filter.1.Values.Value.1": "active",
  }),
  (dice) => ({
    ...rds,
    Action: "ModifyIntegration",
    IntegrationIdentifier: `fuzz-${dice.int(30)}`,
    Description: "new",
    IntegrationName: `fuzz-${dice.int(30)}`,
  }),
  (dice) => ({ ...rds, Action: "DeleteIntegration", IntegrationIdentifier: `fuzz-${dice.int(30)}` }),
  () => ({ ...rds, Action: "AddTagsToResource", ResourceName: sourceArn("shop"), "Tags.Tag.1.Key": "k" }),
  () => ({ ...rds, Action: "ListTagsForResource", ResourceName: arn }),
  () => ({
    ...rds,
    Action: "RemoveTagsFromResource",
    ResourceName: sourceArn("shop"),
    "TagKeys.member.1": "k",
  }),
  (dice) => ({
    ...rds,
    Action: "DescribeEvents",
    [dice.pick(["StartTime", "EndTime"])]: dice.pick(times),
    Duration: dice.pick(["60", "20160"]),
    SourceType: "zero-etl",
    SourceIdentifier: "fuzz-1",
  }),
  () => ({ ...rds, Action: "DescribeDBInstances", DBInstanceIdentifier: "shop" }),
  () => ({ ...rds, Action: "DescribeDBEngineVersions", Engine: "postgres" }),
  () => ({
    ...redshift,
    Action: "DescribeInboundIntegrations",
    TargetArn: targets[0]?.arn ?? "",
    Marker: "AgAA",
  }),
  () => ({ ...redshift, Action: "DescribeClusters", MaxRecords: "100" }),
  () => ({
    ...redshift,
    Action: "PutResourcePolicy",
    ResourceArn: targets[5]?.arn ?? "",
    Policy: JSON.stringify({ Version: "2012-10-17", Statement: [] }),
  }),
  () => ({ ...redshift, Action: "GetResourcePolicy", ResourceArn: targets[5]?.arn ?? "" }),
  () => ({ service: "sts", Version: "2011-06-15", Action: "GetCallerIdentity" }),
];

const json = [
  ["ListNamespaces", { maxResults: 20 }],
  ["GetNamespace", { namespaceName: "target-1" }],
  ["ListWorkgroups", { nextToken: "AgAA" }],
] as const;

/** A valid request. */
export function validDraft(dice: Dice): Draft {
  return dice.chance(0.1) ? jsonDraft(dice) : queryDraft(dice);
}

/** The state of every request before anything of it is known. */
const blank = {
  signing: "header",
  target: "origin",
  version: "HTTP/1.1",
  framing: "length",
  isHttpBroken: false,
} as const;

function jsonDraft(dice: Dice): Draft {
  const [action, input] = dice.pick(json);
  const headers: Draft["headers"] = [
    ["content-type", "application/x-amz-json-1.1"],
    ["x-amz-target", `RedshiftServerless.${action}`],
  ];
  const body = JSON.stringify(input);
  return { ...blank, service: "redshift-serverless", method: "POST", query: "", body, headers };
}

function queryDraft(dice: Dice): Draft {
  const { service, ...fields } = dice.pick(templates)(dice);
  const form = new URLSearchParams(fields).toString();
  const place = dice.pick(["body", "body", "body", "query", "presigned"] as const);
  const isPost = place === "body";
  return {
    ...blank,
    service,
    method: isPost ? "POST" : "GET",
    query: isPost ? "" : form,
    body: isPost ? form : "",
    headers: [["content-type", "application/x-www-form-urlencoded"]],
    signing: place === "presigned" ? "presigned" : "header",
  };
}

/** Signs the draft as it is now. */
export async function sign(url: string, draft: Draft): Promise<void> {
  const { host } = new URL(url);
  const { service, method, query } = draft;
  const body = Buffer.from(draft.body, "latin1");
  if (draft.signing === "presigned") {
    draft.query = await presignedQuery(url, { service, method, query, body });
    draft.headers.unshift(["host", host]);
  } else if (draft.signing === "header") {
    const given = Object.fromEntries(draft.headers);
    draft.headers = Object.entries(
      await signedHeaders(url, { service, method, query, headers: given, body }),
    );
  } else draft.headers.unshift(["host", host]);
}

/** What is written to the connection. */
export function bytesOf(url: string, draft: Draft): Buffer {
  const { method, query, headers, version, framing, body } = draft;
  const path = `/${query === "" ? "" : `?${query}`}`;
  const targets = { origin: path, absolute: `${url}${path}`, fragment: `${path}#f` };
  const length = Buffer.byteLength(body, "latin1");
  const lines = [
    `${method} ${targets[draft.target]} ${version}`,
    ...headers.map(([name, value]) => `${name}: ${value}`),
    ...framingHeaders(framing, length),
  ];
  return Buffer.from(`${lines.join("\r\n")}\r\n\r\n${framedBody(framing, body)}`, "latin1");
}

/** Node's limit for the head of a request; beyond it there is no request that an API could answer. */
const headBytesMax = 16 * 1024;

/** Whether HTTP's parser may refuse it. */
export function mayBreakHttp(draft: Draft, bytes: Buffer): boolean {
  const isLong = bytes.indexOf("\r\n\r\n") > headBytesMax - 500;
  return draft.isHttpBroken || isLong || /[^\x21-\x7e]/.test(draft.query);
}

function framingHeaders(framing: Framing, length: number): string[] {
  const chunked = "transfer-encoding: chunked";
  switch (framing) {
    case "length":
      return length === 0 ? [] : [`content-length: ${length}`];
    case "chunked":
    case "broken-chunks":
      return [chunked];
    case "short":
      return [`content-length: ${Math.max(length - 7, 0)}`];
    case "long":
      return [`content-length: ${length + 7}`];
    case "both":
      return [chunked, `content-length: ${length}`];
    case "no-number":
      return ["content-length: -1"];
    case "twice":
      return [`content-length: ${length}`, `content-length: ${length + 1}`];
  }
}

function framedBody(framing: Framing, body: string): string {
  if (framing === "broken-chunks") return `zz\r\n${body}\r\n0\r\n\r\n`;
  if (framing !== "chunked" && framing !== "both") return body;
  const parts = body.match(/[^]{1,1000}/g) ?? [];
  return `${parts.map((part) => `${part.length.toString(16)}\r\n${part}\r\n`).join("")}0\r\n\r\n`;
}
