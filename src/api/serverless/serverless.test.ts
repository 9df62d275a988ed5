import { Sha256 } from "@aws-crypto/sha256-js";
import { SignatureV4 } from "@smithy/signature-v4";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { account, credentials, region, targets, TestService } from "../../../test/support/aws-service.ts";

let service: TestService;

beforeAll(async () => {
  service = await TestService.start();
});

afterAll(async () => {
  await service[Symbol.asyncDispose]();
});

interface JsonCall {
  /** Default: `RedshiftServerless.` and the action. */
  readonly target?: string;
  readonly body?: string | Uint8Array;
  readonly method?: string;
  readonly scope?: string;
  readonly identity?: typeof credentials;
  /** Put over the signed ones. */
  readonly headers?: Readonly<Record<string, string>>;
}

interface JsonAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly json: Readonly<Record<string, unknown>>;
}

async function call(action: string, request: JsonCall = {}): Promise<JsonAnswer> {
  const { target = `RedshiftServerless.${action}`, body = "{}", method = "POST", headers } = request;
  const { scope = "redshift-serverless", identity = credentials } = request;
  const { host, hostname, port } = new URL(service.url);
  const signer = new SignatureV4({ service: scope, region, credentials: identity, sha256: Sha256 });
  const signed = await signer.sign({
    method,
    protocol: "http:",
    hostname,
    port: Number(port),
    path: "/",
    headers: { host, "content-type": "application/x-amz-json-1.1", "x-amz-target": target },
    body,
  });
  const answer = await fetch(service.url, { method, headers: { ...signed.headers, ...headers }, body });
  expect(answer.headers.get("content-type")).toBe("application/x-amz-json-1.1");
  expect(answer.headers.get("x-amzn-requestid")).toMatch(/^[0-9a-f-]{36}$/);
  const json = (await answer.json()) as Readonly<Record<string, unknown>>;
  return { status: answer.status, headers: answer.headers, json };
}

async function refused(action: string, request: JsonCall = {}): Promise<{ code: string; message: string }> {
  const { status, headers, json } = await call(action, request);
  expect(Object.keys(json)).toEqual(["__type", "message"]);
  expect(headers.get("x-amzn-errortype")).toBe(json["__type"]);
  return { code: `${status} ${String(json["__type"])}`, message: String(json["message"]) };
}

const [first] = targets;
const input = (value: unknown): JsonCall => ({ body: JSON.stringify(value) });

test("a namespace and its workgroup show what is known of a target, and nothing else", async () => {
  const { json } = await call("GetNamespace", input({ namespaceName: first?.name, unknown: [{}] }));
  expect(json).toEqual({
    namespace: {
      namespaceArn: first?.arn,
      namespaceId: first?.namespaceId,
      namespaceName: first?.name,
      status: "AVAILABLE",
      dbName: "dev",
    },
  });
  expect((await call("GetWorkgroup", input({ workgroupName: first?.name }))).json).toEqual({
    workgroup: {
      workgroupArn: `arn:aws:redshift-serverless:${region}:${account}:workgroup/${first?.namespaceId}`,
      workgroupId: first?.namespaceId,
      workgroupName: first?.name,
      namespaceName: first?.name,
      status: "AVAILABLE",
    },
  });
});

test.each([
  ["ListNamespaces", "namespaces", "namespaceName"],
  ["ListWorkgroups", "workgroups", "workgroupName"],
])("%s comes in pages, in the order of the names", async (action, list, name) => {
  const names: unknown[] = [];
  const sizes: number[] = [];
  let nextToken: unknown;
  do {
    const { json } = await call(action, input({ maxResults: 15, nextToken }));
    const page = json[list] as Record<string, unknown>[];
    names.push(...page.map((item) => item[name]));
    sizes.push(page.length);
    nextToken = json["nextToken"];
  } while (nextToken !== undefined);
  expect(sizes).toEqual([15, 15, 10]);
  expect(names).toEqual(targets.map((target) => target.name).toSorted());
  expect((await call(action, { body: "" })).json[list]).toHaveLength(40);
});

test("a token continues only the list that it is from, and other accounts have no workgroups", async () => {
  const { json } = await call("ListNamespaces", input({ maxResults: 1 }));
  const { nextToken } = json;
  const stray = await refused("ListWorkgroups", input({ nextToken }));
  expect(stray.code).toBe("400 ValidationException");
  const others = await call("ListWorkgroups", input({ ownerAccount: "999999999999" }));
  expect(others.json).toEqual({ workgroups: [] });
});

test.each<[string, JsonCall, string, string]>([
  [
    "GetNamespace",
    input({ namespaceName: "nobody" }),
    "400 ResourceNotFoundException",
    "nobody does not exist",
  ],
  [
    "GetWorkgroup",
    input({ workgroupName: "nobody" }),
    "400 ResourceNotFoundException",
    "nobody does not exist",
  ],
  ["GetNamespace", input({}), "400 ValidationException", "namespaceName is not valid: it must be given"],
  ["GetNamespace", input({ namespaceName: null }), "400 ValidationException", "it must be given"],
  ["GetNamespace", input({ namespaceName: "a b" }), "400 ValidationException", "it must match the pattern"],
  [
    "GetNamespace",
    input({ namespaceName: "" }),
    "400 ValidationException",
    "it must have 1 to 64 characters",
  ],
  [
    "GetNamespace",
    input({ namespaceName: 1 }),
    "400 SerializationException",
    "namespaceName must be a string",
  ],
  ["ListNamespaces", input({ maxResults: 0 }), "400 ValidationException", "it must be between 1 and 100"],
  ["ListNamespaces", input({ maxResults: 101 }), "400 ValidationException", "it must be between 1 and 100"],
  ["ListNamespaces", input({ maxResults: "1" }), "400 SerializationException", "must be an integer"],
  ["ListNamespaces", input({ maxResults: 1.5 }), "400 SerializationException", "must be an integer"],
  ["ListNamespaces", input({ maxResults: 1e300 }), "400 SerializationException", "must be an integer"],
  ["ListNamespaces", input({ nextToken: "x" }), "400 ValidationException", "The marker of the page"],
  ["ListWorkgroups", input({ ownerAccount: "1" }), "400 ValidationException", "it must match the pattern"],
  ["ListNamespaces", input([]), "400 SerializationException", "The body must be an object"],
  ["ListNamespaces", { body: "{" }, "400 SerializationException", "line 1, column 2: a key"],
  [
    "ListNamespaces",
    { body: '{"maxResults":1,"maxResults":2}' },
    "400 SerializationException",
    "given twice",
  ],
  ["ListNamespaces", { body: "[".repeat(200_000) }, "400 SerializationException", "nested deeper than 64"],
  ["ListNamespaces", { body: Buffer.of(0x7b, 0xff, 0x7d) }, "400 SerializationException", "not valid UTF-8"],
  ["CreateNamespace", {}, "400 UnknownOperationException", "RedshiftServerless.CreateNamespace"],
  ["constructor", {}, "400 UnknownOperationException", "RedshiftServerless.constructor"],
  ["x", { target: "ListNamespaces" }, "400 UnknownOperationException", "operation ListNamespaces"],
  ["x", { target: "DynamoDB_20120810.ListTables" }, "400 UnknownOperationException", "DynamoDB"],
  ["x", { target: "" }, "400 UnknownOperationException", "Could not find operation"],
  ["ListNamespaces", { method: "PUT" }, "400 UnknownOperationException", "the method POST"],
])("%s with %j is answered with %s: %s", async (...row) => {
  const [action, request, code, message] = row;
  const answer = await refused(action, request);
  expect(answer.code).toBe(code);
  expect(answer.message).toContain(message);
  expect(answer.message.length).toBeLessThan(500);
});

describe("a signature that is not valid", () => {
  test.each<[string, JsonCall, string]>([
    [
      "of a wrong secret",
      { identity: { ...credentials, secretAccessKey: "x" } },
      "InvalidSignatureException",
    ],
    ["of nobody", { identity: { ...credentials, accessKeyId: "AKIDNOBODY" } }, "UnrecognizedClientException"],
    ["for another service", { scope: "rds" }, "InvalidSignatureException"],
    [
      "of another action",
      { headers: { "x-amz-target": "RedshiftServerless.ListWorkgroups" } },
      "InvalidSignatureException",
    ],
    [
      "that is half",
      { headers: { authorization: "AWS4-HMAC-SHA256 Credential=x" } },
      "IncompleteSignatureException",
    ],
  ])("%s is refused in JSON", async (_, request, code) => {
    expect((await refused("ListNamespaces", request)).code).toBe(`400 ${code}`);
  });

  test("or that is missing is refused in JSON, with and without a target", async () => {
    for (const headers of [
      { "content-type": "application/x-amz-json-1.1" },
      { "x-amz-target": "RedshiftServerless.ListNamespaces" },
    ]) {
      const answer = await fetch(service.url, { method: "POST", headers, body: "{}" });
      expect(answer.status).toBe(400);
      expect(await answer.json()).toMatchObject({ __type: "MissingAuthenticationTokenException" });
    }
  });
});

test.each([
  ["ListNamespaces", {}, "*"],
  ["GetNamespace", { namespaceName: first?.name }, first?.arn],
  ["ListWorkgroups", {}, "*"],
  ["GetWorkgroup", { workgroupName: first?.name }, first?.arn.replace("namespace", "workgroup")],
])("%s needs to be allowed on its resource", async (action, body, Resource) => {
  const keyWith = async (resource: string | undefined): Promise<typeof credentials> => {
    const Statement = { Effect: "Allow", Action: `redshift-serverless:${action}`, Resource: resource };
    const { id, secret } = await service.keys.create("ann", { Statement });
    return { accessKeyId: id, secretAccessKey: secret.reveal() };
  };
  expect((await call(action, { ...input(body), identity: await keyWith(Resource) })).status).toBe(200);
  const other = await keyWith("arn:aws:redshift-serverless:::x");
  const { code, message } = await refused(action, { ...input(body), identity: other });
  expect(code).toBe("400 AccessDeniedException");
  expect(message).toContain(
    `not authorized to perform: redshift-serverless:${action} on resource: ${Resource}`,
  );
});

test("a body that is too large is refused", async () => {
  const { code } = await refused("ListNamespaces", { body: `"${"x".repeat(1_048_576)}"` });
  expect(code).toBe("413 RequestEntityTooLargeException");
});

test("whatever the body, the answer is a result or an error of the caller's", async () => {
  const key = fc.constantFrom(
    "maxResults",
    "nextToken",
    "namespaceName",
    "ownerAccount",
    "__proto__",
    "toString",
  );
  const odd = fc.oneof(fc.jsonValue(), fc.constantFrom(1, "1", "target-0", null));
  const bodies = fc.oneof(
    fc.dictionary(key, odd).map((value) => JSON.stringify(value)),
    fc.tuple(key, fc.json()).map(([name, json]) => `{"${name}": ${json}}`),
    fc.json(),
    fc.string({ unit: "binary" }),
    fc.uint8Array({ maxLength: 200 }),
  );
  const action = fc.constantFrom("ListNamespaces", "GetNamespace", "ListWorkgroups", "GetWorkgroup");
  await fc.assert(
    fc.asyncProperty(action, bodies, async (name, body) => {
      const { status, json } = await call(name, { body });
      expect([200, 400]).toContain(status);
      if (status !== 200)
        expect(json["__type"]).toMatch(/^(Serialization|Validation|ResourceNotFound)Exception$/);
    }),
    { numRuns: 500, verbose: fc.VerbosityLevel.None },
  );
  expect(({} as Record<string, unknown>)["maxResults"]).toBeUndefined();
});

test("a service that is not served here is named, with those that are", async () => {
  const target = "RedshiftData.ExecuteStatement";
  expect(await refused("ExecuteStatement", { scope: "redshift-data", target })).toEqual({
    code: "400 UnknownOperationException",
    message:
      'This endpoint does not serve "redshift-data". It serves rds, redshift, sts, redshift-serverless.',
  });
});
