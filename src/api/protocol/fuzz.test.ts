import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { XMLValidator } from "fast-xml-parser";
import { afterAll, beforeAll, expect, test } from "vitest";
import { TestService } from "../../../test/support/aws-service.ts";
import { Dice } from "../../../test/support/dice.ts";
import { errorEnvelope, jsonErrorEnvelope } from "../../../test/support/error-envelope.ts";
import { printedSeed } from "../../../test/support/random.ts";
import { RawConnection, type RawAnswer } from "../../../test/support/raw-http.ts";
import { bytesOf, mayBreakHttp, sign, validDraft, type Draft } from "../../../test/support/request-draft.ts";
import { bigMutations, signedMutations, unsignedMutations } from "../../../test/support/request-mutations.ts";
import { awsErrorStatus } from "../../wire/aws/error.ts";

const requests = 20_000;
const mebibyte = 1024 * 1024;
/** How often it is looked what is in use. */
const lookEvery = 1_000;
/** What 10,000 requests may add to what is in use: 400 bytes of the heap each, 3 kB of whatever else. */
const growthMax = { heap: 4 * mebibyte, resident: 32 * mebibyte } as const;

let service: TestService;
let runtime: Disposable;

beforeAll(async () => {
  service = await TestService.start();
  runtime = service.runtime();
});

afterAll(async () => {
  runtime[Symbol.dispose]();
  await service[Symbol.asyncDispose]();
});

async function draftOf(seed: number): Promise<Draft> {
  const dice = new Dice(seed);
  const draft = validDraft(dice);
  const isSigned = dice.chance(0.5);
  if (dice.chance(1 / 200)) dice.pick(bigMutations)(draft, dice);
  else if (isSigned) dice.pick(signedMutations)(draft, dice);
  await sign(service.url, draft);
  if (!isSigned) dice.pick(unsignedMutations)(draft, dice);
  return draft;
}

/** The code of a refusal, `granted`, or what HTTP's parser says. */
function check(answer: RawAnswer, draft: Draft): string {
  const { status, headers } = answer;
  expect(status).toBeLessThan(500);
  const type = headers.get("content-type") ?? "";
  if (draft.isHttpBroken && !/^text\/xml|^application\/x-amz-json/.test(type)) {
    expect(status).toBeGreaterThanOrEqual(400);
    return `HTTP ${status}`;
  }
  if (draft.method === "HEAD") return `HEAD ${status}`;
  const isJson = type === "application/x-amz-json-1.1";
  if (isJson) expect(asksForJson(draft)).toBe(true);
  return isJson ? checkJson(answer) : checkXml(answer);
}

function checkXml({ status, headers, body }: RawAnswer): string {
  expect(headers.get("content-type")).toBe("text/xml;charset=utf-8");
  if (status !== 200) {
    const { code, requestId } = errorEnvelope(status, body);
    expect(Object.keys(awsErrorStatus)).toContain(code);
    expect(headers.get("x-amzn-requestid")).toBe(requestId);
    return code;
  }
  expect(XMLValidator.validate(body)).toBe(true);
  expect(body).toContain(`<RequestId>${headers.get("x-amzn-requestid")}</RequestId>`);
  return "granted";
}

/** Whether it was made so, or a mutation turned it into one of the protocol AWS JSON. */
function asksForJson({ headers }: Draft): boolean {
  return headers.some(([name, value]) => {
    const header = name.toLowerCase();
    return (
      header === "x-amz-target" ||
      (header === "content-type" && /^application\/x-amz-json/i.test(value.trim()))
    );
  });
}

function checkJson({ status, headers, body }: RawAnswer): string {
  if (status !== 200) {
    const { code } = jsonErrorEnvelope(status, body);
    expect(headers.get("x-amzn-errortype")).toBe(code);
    return code;
  }
  expect(JSON.parse(body)).toBeTypeOf("object");
  return "granted (JSON)";
}

interface Tally {
  readonly codes: Map<string, number>;
  connection: RawConnection | undefined;
}

async function attack(seed: number, tally: Tally): Promise<void> {
  const draft = await draftOf(seed);
  const bytes = bytesOf(service.url, draft);
  draft.isHttpBroken = mayBreakHttp(draft, bytes);
  // A connection on which HTTP is going to be broken is nobody else's.
  if (draft.isHttpBroken || tally.connection?.isUsable !== true) {
    tally.connection?.[Symbol.dispose]();
    tally.connection = await RawConnection.open(service.url);
  }
  const { connection } = tally;
  const how = { isLast: draft.framing === "long", isHead: draft.method === "HEAD" };
  const answer = await connection.exchange(bytes, how);
  if (answer === undefined) expect(draft.isHttpBroken).toBe(true);
  const code = answer === undefined ? "hung up" : check(answer, draft);
  tally.codes.set(code, (tally.codes.get(code) ?? 0) + 1);
  // What is refused before its body was read leaves a connection that the server may give up at any moment.
  const isUnread = answer?.status === 413 || !["GET", "POST"].includes(draft.method);
  if (!draft.isHttpBroken && !isUnread) return;
  connection[Symbol.dispose]();
  tally.connection = undefined;
}

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

interface InUse {
  readonly heap: number;
  readonly resident: number;
}

function inUse(): InUse {
  collect();
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heap: heapUsed + external, resident: rss };
}

/** At several looks, since a process gives back what it needs no more when it likes. */
function leastInUse(looks: readonly InUse[]): InUse {
  return {
    heap: Math.min(...looks.map(({ heap }) => heap)),
    resident: Math.min(...looks.map(({ resident }) => resident)),
  };
}

async function expectAnswer(): Promise<void> {
  const draft = {
    ...validDraft(new Dice(1)),
    service: "sts",
    method: "POST",
    query: "",
    signing: "header",
  } as Draft;
  draft.body = "Action=GetCallerIdentity&Version=2011-06-15";
  await sign(service.url, draft);
  using connection = await RawConnection.open(service.url);
  expect((await connection.exchange(bytesOf(service.url, draft)))?.status).toBe(200);
}

test("a Host header that no URL can have is refused, on every path", async () => {
  for (const path of ["/", "/healthz", "/zeroetl/status"]) {
    using connection = await RawConnection.open(service.url);
    const head = `POST ${path} HTTP/1.1\r\nhost: b27.0.0.1:5440\r\ncontent-length: 0\r\n\r\n`;
    expect(await connection.exchange(Buffer.from(head))).toMatchObject({
      status: 400,
      body: "The Host header is not valid.\n",
    });
  }
});

test(`${requests.toLocaleString("en")} mutated requests: each is answered as AWS would, none with 5xx, and memory stays flat`, async () => {
  const seed = printedSeed();
  const tally: Tally = { codes: new Map(), connection: undefined };
  const looks: InUse[] = [];
  for (let index = 0; index < requests; index += 1) {
    try {
      await attack(seed + index, tally);
    } catch (cause) {
      const { method, query, headers, body, framing } = await draftOf(seed + index);
      const shown = JSON.stringify({ method, query, headers, body, framing }).slice(0, 2_000);
      throw new Error(`request ${index} of seed ${seed}: ${String(cause)}\n${shown}`, { cause });
    }
    if ((index + 1) % lookEvery === 0) looks.push(inUse());
  }
  tally.connection?.[Symbol.dispose]();
  await expectAnswer();
  const halfway = leastInUse(looks.slice(5, 10));
  const end = leastInUse(looks.slice(15, 20));
  process.stdout.write(`${JSON.stringify({ ...Object.fromEntries(tally.codes), halfway, end })}\n`);
  expect(end.heap - halfway.heap).toBeLessThan(growthMax.heap);
  expect(end.resident - halfway.resident).toBeLessThan(growthMax.resident);
  // Half of them got beyond the signature, and what is refused is refused for many reasons.
  for (const code of [
    "granted",
    "granted (JSON)",
    "InvalidParameterValue",
    "InvalidPolicyFault",
    "ValidationError",
    "MalformedQueryString",
    "MissingParameter",
    "SerializationException",
    "ValidationException",
  ])
    expect(tally.codes.get(code)).toBeGreaterThan(20);
  expect(tally.codes.size).toBeGreaterThan(15);
});
