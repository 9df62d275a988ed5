import { createHash, createHmac } from "node:crypto";
import { once } from "node:events";
import { Agent, request, type IncomingMessage } from "node:http";
import { percentile, print } from "./report.ts";

/** What a load generator is told, as JSON in its only parameter. */
export interface LoadJob {
  readonly endpoint: string;
  /** Of the AWS Query protocol, in RDS's version of it. */
  readonly action: string;
  /** The XML element of a record, and how many of them each answer has. */
  readonly element: string;
  readonly records: number;
  readonly region: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  readonly connections: number;
  readonly seconds: number;
}

/** What it prints, as one JSON line. */
export interface LoadResult {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  /** Of one answer. */
  readonly bytes: number;
}

/** What all requests of a job have in common. */
interface Request {
  readonly job: LoadJob;
  readonly url: URL;
  readonly agent: Agent;
  readonly body: string;
}

/**
 * A process of its own, the same for each service that is measured: each connection sends one request after another, each signed
 * for itself, and ends the process with an error when an answer is not what it should be.
 */
async function generate(job: LoadJob): Promise<LoadResult> {
  const { connections, seconds } = job;
  const asked: Request = {
    job,
    url: new URL(job.endpoint),
    agent: new Agent({ keepAlive: true, maxSockets: connections }),
    body: `Action=${job.action}&Version=2014-10-31&MaxRecords=${job.records}`,
  };
  const latencies: number[] = [];
  let bytes = 0;
  const started = performance.now();
  const end = started + seconds * 1000;
  const connection = async (): Promise<void> => {
    for (let isFirst = true; performance.now() < end; isFirst = false) {
      const sent = performance.now();
      const answer = await send(asked);
      latencies.push(performance.now() - sent);
      bytes = answer.length;
      if (isFirst) countRecords(job, answer);
    }
  };
  await Promise.all(Array.from({ length: connections }, connection));
  const elapsed = (performance.now() - started) / 1000;
  asked.agent.destroy();
  return {
    perSecond: latencies.length / elapsed,
    p50: percentile(latencies, 0.5),
    p99: percentile(latencies, 0.99),
    bytes,
  };
}

async function send({ job, url, agent, body }: Request): Promise<Buffer> {
  const headers = signedHeaders(job, url, body);
  const sent = request(url, { method: "POST", agent, headers });
  sent.end(body);
  const [answer] = (await once(sent, "response")) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks);
  if (answer.statusCode !== 200)
    throw new Error(`${job.action} answered ${answer.statusCode}: ${text.toString().slice(0, 1_000)}`);
  return text;
}

function countRecords({ action, element, records }: LoadJob, answer: Buffer): void {
  const found = answer.toString("latin1").split(`<${element}>`).length - 1;
  if (found !== records) throw new Error(`${action} answered with ${found} records instead of ${records}`);
}

/** Signature Version 4 of this very request. */
function signedHeaders({ region, credentials }: LoadJob, url: URL, body: string): Record<string, string> {
  const contentType = "application/x-www-form-urlencoded; charset=utf-8";
  const timestamp = new Date().toISOString().replaceAll(/[-:]|\.\d{3}/g, "");
  const scope = [timestamp.slice(0, 8), region, "rds", "aws4_request"];
  const names = "content-type;host;x-amz-date";
  const canonical = [
    "POST",
    "/",
    "",
    `content-type:${contentType}\nhost:${url.host}\nx-amz-date:${timestamp}\n`,
    names,
    sha256(body),
  ].join("\n");
  const text = ["AWS4-HMAC-SHA256", timestamp, scope.join("/"), sha256(canonical)].join("\n");
  const start: string | Buffer = `AWS4${credentials.secretAccessKey}`;
  const key = scope.reduce<string | Buffer>((previous, part) => hmac(previous, part), start);
  const signature = hmac(key, text).toString("hex");
  const credential = `${credentials.accessKeyId}/${scope.join("/")}`;
  return {
    "content-type": contentType,
    "content-length": String(Buffer.byteLength(body)),
    host: url.host,
    "x-amz-date": timestamp,
    authorization: `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${names}, Signature=${signature}`,
  };
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}

print(JSON.stringify(await generate(JSON.parse(process.argv[2] ?? "") as LoadJob)));
