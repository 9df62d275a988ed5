import { createHash, createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { Sha256 } from "@aws-crypto/sha256-js";
import { SignatureV4 } from "@smithy/signature-v4";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Secret } from "../../base/secret.ts";
import { AwsError } from "./error.ts";
import { verifySigV4, type SigV4Policy, type SignedRequest } from "./sigv4.ts";

const accessKeyId = "AKIDEXAMPLE";
const secretAccessKey = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const now = new Date("2026-01-31T12:00:00Z");

const key = { id: accessKeyId, secret: new Secret(secretAccessKey) };

const policy: SigV4Policy<typeof key> = {
  region: "us-east-1",
  services: ["rds", "redshift"],
  served: ["rds", "redshift", "redshift-serverless"],
  now,
  keyOf: async (id) => (id === accessKeyId ? key : undefined),
};

async function verified(request: SignedRequest, by = policy) {
  const { body, ...signer } = await verifySigV4(request, async () => request.body, by);
  expect(body).toBe(request.body);
  return signer;
}

interface PlainRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

function received({ method, url, headers, body }: PlainRequest): SignedRequest {
  const { pathname, search, host } = new URL(url);
  const all: Readonly<Record<string, string>> = { host, ...headers };
  return {
    method,
    path: pathname,
    query: search.slice(1),
    header: (name) => all[name.toLowerCase()],
    headerNames: Object.keys(all),
    body: Buffer.from(body),
  };
}

function signer(
  over: { region?: string; service?: string; secret?: string; key?: string } = {},
): SignatureV4 {
  return new SignatureV4({
    region: over.region ?? "us-east-1",
    service: over.service ?? "rds",
    credentials: { accessKeyId: over.key ?? accessKeyId, secretAccessKey: over.secret ?? secretAccessKey },
    sha256: Sha256,
    // As for every service but S3.
    uriEscapePath: true,
  });
}

/** As signers outside S3 make them, with exactly these parameters besides the signature's. */
async function presigned(extra: Readonly<Record<string, string>>): Promise<{ readonly url: string }> {
  const query = {
    Action: "GetCallerIdentity",
    Version: "2011-06-15",
    "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
    "X-Amz-Credential": `${accessKeyId}/20260131/us-east-1/rds/aws4_request`,
    "X-Amz-Date": "20260131T120000Z",
    "X-Amz-SignedHeaders": "host",
    ...extra,
  };
  const pairs = Object.entries(query)
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
    .toSorted();
  const hash = (text: string): string => createHash("sha256").update(text).digest("hex");
  const canonical = ["GET", "/", pairs.join("&"), "host:127.0.0.1:5440\n", "host", hash("")].join("\n");
  const scope = ["20260131", "us-east-1", "rds", "aws4_request"];
  const toSign = ["AWS4-HMAC-SHA256", "20260131T120000Z", scope.join("/"), hash(canonical)].join("\n");
  const hmac = (by: string | Buffer, text: string): Buffer => createHmac("sha256", by).update(text).digest();
  const signingKey = scope.reduce<string | Buffer>(hmac, `AWS4${secretAccessKey}`);
  const signature = hmac(signingKey, toSign).toString("hex");
  return { url: `http://127.0.0.1:5440/?${pairs.join("&")}&X-Amz-Signature=${signature}` };
}

const form = { "content-type": "application/x-www-form-urlencoded" };

function plain(body = "Action=DescribeIntegrations&Version=2014-10-31") {
  return {
    method: "POST",
    protocol: "http:",
    hostname: "127.0.0.1",
    port: 5440,
    path: "/",
    query: {},
    headers: { host: "127.0.0.1:5440", ...form },
    body,
  };
}

async function signedPlain(over: Parameters<typeof signer>[0] = {}, at = now): Promise<PlainRequest> {
  const { method, headers, body } = await signer(over).sign(plain(), { signingDate: at });
  return { method, url: "http://127.0.0.1:5440/", headers, body: String(body) };
}

async function refusal(
  request: SignedRequest,
  over: Partial<typeof policy> = {},
): Promise<{ code: string; message: string }> {
  try {
    await verified(request, { ...policy, ...over });
  } catch (error) {
    if (error instanceof AwsError) return { code: error.code, message: error.message };
    throw error;
  }
  throw new Error("accepted");
}

const recorded = JSON.parse(
  readFileSync(new URL("../../../test/fixtures/sigv4-botocore.json", import.meta.url), "utf8"),
) as { requests: Record<string, PlainRequest> };

describe("signatures made by botocore", () => {
  test.each(Object.entries(recorded.requests))("%s is accepted", async (_, request) => {
    expect(await verified(received(request))).toEqual({ key, service: "rds" });
  });

  test.each(Object.entries(recorded.requests))("%s with another body is refused", async (_, request) => {
    const tampered = received({ ...request, body: `${request.body}&x=y` });
    expect((await refusal(tampered)).code).toBe("SignatureDoesNotMatch");
  });

  test.each(Object.entries(recorded.requests))(
    "%s with another query string is refused",
    async (_, request) => {
      const url = `${request.url}${request.url.includes("?") ? "&" : "?"}x=y`;
      expect((await refusal(received({ ...request, url }))).code).toBe("SignatureDoesNotMatch");
    },
  );
});

describe("signatures made by the AWS SDK for JavaScript", () => {
  test("any form, host and header value is accepted as it was signed", async () => {
    const word = fc.string({ unit: "grapheme", maxLength: 20 });
    const headerText = fc.string({ unit: fc.constantFrom("a", "b", ",", ";", "=", " "), maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(fc.dictionary(word, word), headerText, async (fields, header) => {
        const body = new URLSearchParams(fields).toString();
        const unsigned = { ...plain(body), headers: { ...plain().headers, "x-amz-extra": header } };
        const { headers } = await signer().sign(unsigned, { signingDate: now });
        const request = received({ method: "POST", url: "http://127.0.0.1:5440/", headers, body });
        expect((await verified(request)).service).toBe("rds");
      }),
    );
  });

  test("any query string is accepted, in the header and presigned", async () => {
    // The SDK's signer keeps the parameters in a plain object, where "__proto__" is lost before it is signed.
    const word = fc
      .string({ unit: "grapheme", maxLength: 20 })
      .filter((text) => text !== "" && text !== "__proto__");
    await fc.assert(
      fc.asyncProperty(fc.dictionary(word, word), async (query) => {
        const unsigned = { ...plain(""), method: "GET", query, headers: { host: "127.0.0.1:5440" } };
        const signed = await signer().sign(unsigned, { signingDate: now });
        const presigned = await signer().presign(unsigned, { signingDate: now, expiresIn: 60 });
        for (const { headers, query: sent } of [signed, presigned]) {
          const pairs = Object.entries(sent ?? {}).map(([name, value]) =>
            [name, String(value)].map(encodeURIComponent).join("="),
          );
          const url = `http://127.0.0.1:5440/?${pairs.join("&")}`;
          const { "content-type": _, ...rest } = headers;
          const request = received({ method: "GET", url, headers: rest, body: "" });
          expect((await verified(request)).key).toBe(key);
        }
      }),
    );
  });

  test("the service comes from the scope", async () => {
    const request = received(await signedPlain({ service: "redshift" }));
    expect(await verified(request)).toEqual({ key, service: "redshift" });
  });
});

describe("what is refused", () => {
  test("no signature: MissingAuthenticationToken", async () => {
    const request = { method: "POST", url: "http://127.0.0.1:5440/", headers: form, body: "" };
    expect(await refusal(received(request))).toEqual({
      code: "MissingAuthenticationToken",
      message: "Request is missing Authentication Token",
    });
  });

  test.each([
    ["a wrong secret", { secret: "wrong" }, "SignatureDoesNotMatch"],
    ["an unknown access key", { key: "AKIDNOBODY" }, "InvalidClientTokenId"],
    ["another region", { region: "eu-west-1" }, "SignatureDoesNotMatch"],
    ["a service of another protocol", { service: "redshift-serverless" }, "SignatureDoesNotMatch"],
    ["a service that is not served", { service: "ec2" }, "InvalidAction"],
  ])("%s", async (_, over, code) => {
    expect((await refusal(received(await signedPlain(over)))).code).toBe(code);
  });

  test.each([
    ["15 minutes ago", -15 * 60, undefined],
    ["15 minutes ahead", 15 * 60, undefined],
    [
      "15 minutes and a second ago",
      -15 * 60 - 1,
      "Signature expired: 20260131T114459Z is now earlier than 20260131T114500Z (20260131T120000Z - 15 min.)",
    ],
    [
      "15 minutes and a second ahead",
      15 * 60 + 1,
      "Signature not yet current: 20260131T121501Z is still later than 20260131T121500Z (20260131T120000Z + 15 min.)",
    ],
  ])("a date %s", async (_, seconds, message) => {
    const request = received(await signedPlain({}, new Date(now.getTime() + seconds * 1_000)));
    if (message === undefined) expect((await verified(request)).service).toBe("rds");
    else expect(await refusal(request)).toEqual({ code: "SignatureDoesNotMatch", message });
  });

  test.each([undefined, "60", "604800", "nonsense"])(
    "a presigned URL with X-Amz-Expires %s is valid for 15 minutes",
    async (expires) => {
      const query = { ...(expires !== undefined && { "X-Amz-Expires": expires }) };
      const { url } = await presigned(query);
      const request = received({ method: "GET", url, headers: {}, body: "" });
      const later = (seconds: number): Date => new Date(now.getTime() + seconds * 1_000);
      expect((await verified(request, { ...policy, now: later(900) })).service).toBe("rds");
      expect(await refusal(request, { now: later(901) })).toEqual({
        code: "SignatureDoesNotMatch",
        message: expect.stringMatching(/^Signature expired: /),
      });
    },
  );

  test("a claim that is refused: the body is not read", async () => {
    const request = received(await signedPlain({ key: "AKIDNOBODY" }));
    const readBody = (): Promise<never> => Promise.reject(new Error("the body was read"));
    await expect(verifySigV4(request, readBody, policy)).rejects.toMatchObject({
      code: "InvalidClientTokenId",
    });
  });

  test("a date that is not the scope's", async () => {
    const request = await signedPlain();
    const authorization = request.headers["authorization"]?.replace("/20260131/", "/20260130/") ?? "";
    expect(
      await refusal(received({ ...request, headers: { ...request.headers, authorization } })),
    ).toMatchObject({
      code: "SignatureDoesNotMatch",
      message: expect.stringContaining("Date in Credential scope"),
    });
  });

  test("a session token", async () => {
    const withToken = { ...plain(), headers: { ...plain().headers, "x-amz-security-token": "token" } };
    const { headers } = await signer().sign(withToken, { signingDate: now });
    const request = { method: "POST", url: "http://127.0.0.1:5440/", headers, body: plain().body };
    expect((await refusal(received(request))).code).toBe("InvalidClientTokenId");
  });

  test("a session token in a presigned URL", async () => {
    const temporary = new SignatureV4({
      region: "us-east-1",
      service: "rds",
      credentials: { accessKeyId, secretAccessKey, sessionToken: "token" },
      sha256: Sha256,
    });
    const unsigned = { ...plain(""), method: "GET", headers: { host: "127.0.0.1:5440" } };
    const { query } = await temporary.presign(unsigned, { signingDate: now, expiresIn: 60 });
    expect(query).toHaveProperty("X-Amz-Security-Token", "token");
    const url = `http://127.0.0.1:5440/?${new URLSearchParams(query as Record<string, string>).toString()}`;
    const request = received({ method: "GET", url, headers: {}, body: "" });
    expect((await refusal(request)).code).toBe("InvalidClientTokenId");
  });

  test("a body whose hash was not signed", async () => {
    const headers = { ...plain().headers, "x-amz-content-sha256": "UNSIGNED-PAYLOAD" };
    const signed = await signer().sign({ ...plain(), headers }, { signingDate: now });
    const url = "http://127.0.0.1:5440/";
    const request = received({ method: "POST", url, headers: signed.headers, body: plain().body });
    expect((await refusal(request)).code).toBe("SignatureDoesNotMatch");
  });

  test("what cannot be meant for us, before any key is looked up", async () => {
    const asked: string[] = [];
    const keyOf = async (id: string): Promise<undefined> => void asked.push(id);
    for (const over of [{ region: "eu-west-1" }, { service: "redshift-serverless" }])
      expect((await refusal(received(await signedPlain(over)), { keyOf })).code).toBe(
        "SignatureDoesNotMatch",
      );
    const late = new Date(now.getTime() + 16 * 60_000);
    await refusal(received(await signedPlain()), { keyOf, now: late });
    expect(asked).toEqual([]);
    expect((await refusal(received(await signedPlain()), { keyOf })).code).toBe("InvalidClientTokenId");
    expect(asked).toEqual([accessKeyId]);
  });

  test("a key that cannot exist, before it is looked up", async () => {
    const asked: string[] = [];
    const keyOf = async (id: string): Promise<undefined> => void asked.push(id);
    for (const strange of ["a\0b", "\u00fc", "k".repeat(129)])
      expect((await refusal(received(await signedPlain({ key: strange })), { keyOf })).code).toBe(
        "InvalidClientTokenId",
      );
    expect(asked).toEqual([]);
  });

  test("an x-amz header that was added after signing", async () => {
    const request = await signedPlain();
    const headers = { ...request.headers, "x-amz-extra": "1" };
    expect((await refusal(received({ ...request, headers }))).code).toBe("SignatureDoesNotMatch");
  });

  test.each([
    ["", "IncompleteSignature"],
    ["Basic dTpw", "IncompleteSignature"],
    ["AWS4-HMAC-SHA256", "IncompleteSignature"],
    ["AWS4-HMAC-SHA256 Credential=a/b/c", "IncompleteSignature"],
    ["AWS4-HMAC-SHA256 Credential=, SignedHeaders=, Signature=", "IncompleteSignature"],
    ["AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE, SignedHeaders=host, Signature=00", "IncompleteSignature"],
    ...["host;", "host;x y", "host;\u00fc"].map((names) => [
      `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260131/us-east-1/rds/aws4_request, SignedHeaders=${names}, Signature=${"0".repeat(64)}`,
      "IncompleteSignature",
    ]),
    [
      `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260131/us-east-1/rds/aws4_request, SignedHeaders=host;x-amz-date, Signature=zz`,
      "SignatureDoesNotMatch",
    ],
  ])("the Authorization header '%s'", async (authorization, code) => {
    const headers = { authorization, "x-amz-date": "20260131T120000Z" };
    const request = { method: "POST", url: "http://127.0.0.1:5440/", headers, body: "" };
    expect((await refusal(received(request))).code).toBe(code);
  });

  test("any change of an Authorization header, with an AWS error and nothing else", async () => {
    const request = await signedPlain();
    const authorization = request.headers["authorization"] ?? "";
    const edit = fc.record({ at: fc.nat(authorization.length), cut: fc.nat(20), put: fc.string() });
    await fc.assert(
      fc.asyncProperty(edit, async ({ at, cut, put }) => {
        const changed = authorization.slice(0, at) + put + authorization.slice(at + cut);
        fc.pre(changed.replaceAll(/\s*,\s*/g, ",").trim() !== authorization.replaceAll(/\s*,\s*/g, ","));
        const headers = { ...request.headers, authorization: changed };
        const accepted = await (async (): Promise<boolean> => {
          try {
            await verified(received({ ...request, headers }));
            return true;
          } catch (error) {
            expect(error).toBeInstanceOf(AwsError);
            return false;
          }
        })();
        // Spaces and unknown fields change nothing that is signed.
        if (accepted) expect(changed).toContain(authorization.slice(-64));
      }),
      { numRuns: 500 },
    );
  });
});
