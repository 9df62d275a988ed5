import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { credentials, TestService } from "../../../test/support/aws-service.ts";
import { errorEnvelope } from "../../../test/support/error-envelope.ts";
import { form, grantable } from "../../../test/support/query-form.ts";
import { signedHeaders } from "../../../test/support/signing.ts";

let service: TestService;

beforeAll(async () => {
  service = await TestService.start();
});

afterAll(async () => {
  await service[Symbol.asyncDispose]();
});

/** A request with the codes that may answer it. */
interface Attack {
  readonly method?: string;
  readonly query?: string;
  readonly body?: string | Uint8Array;
  readonly credentials?: typeof credentials;
  readonly unsigned?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
  readonly codes: readonly string[];
}

const version = "2014-10-31";
const valid = { ...grantable, IntegrationName: "never-made" };

async function send(attack: Attack): Promise<Response> {
  const { method = "POST", query = "", body = "", unsigned = false, headers: extra = {} } = attack;
  const payload = method === "GET" ? "" : body;
  const headers = unsigned
    ? { "content-type": "application/x-www-form-urlencoded" }
    : await signedHeaders(service.url, {
        method,
        query,
        credentials: attack.credentials,
        headers: extra,
        body: payload,
      });
  const init = { method, headers: { ...headers, ...extra } };
  return fetch(
    `${service.url}/${query === "" ? "" : `?${query}`}`,
    method === "GET" ? init : { ...init, body: payload },
  );
}

const attacks: readonly fc.Arbitrary<Attack>[] = [
  fc.string({ unit: "binary" }).map((body) => ({
    body,
    unsigned: true,
    codes: ["MissingAuthenticationToken"],
  })),
  fc.dictionary(fc.string(), fc.string()).map((fields) => ({
    body: form({ ...fields, Action: "DescribeIntegrations", Version: version }),
    credentials: { ...credentials, secretAccessKey: "wrong" },
    codes: ["SignatureDoesNotMatch"],
  })),
  fc
    .string({ minLength: 1 })
    .filter((action) => action !== "CreateIntegration")
    .map((Action) => ({
      body: form({ ...valid, Action }),
      codes: ["InvalidAction"],
    })),
  fc.constantFrom("constructor", "__proto__", "toString", "DescribeDBSnapshots").map((Action) => ({
    method: "GET",
    query: form({ Action, Version: version }),
    codes: ["InvalidAction"],
  })),
  fc
    .string()
    .filter((text) => text !== version)
    .map((Version) => ({
      body: form({ ...valid, Version }),
      codes: ["InvalidAction"],
    })),
  fc.constant({ body: form({ Version: version }), codes: ["MissingAction"] }),
  fc.constantFrom("SourceArn", "TargetArn", "IntegrationName").map((name) => ({
    body: form(Object.fromEntries(Object.entries(valid).filter(([key]) => key !== name))),
    codes: ["MissingParameter"],
  })),
  fc
    .tuple(
      fc.constantFrom("IntegrationName", "Description", "DataFilter", "SourceArn", "Tags.Tag.1.Key"),
      fc.constantFrom("\0", "\u0001", "\u000b", "\ufffe", "\uffff"),
    )
    .map(([name, character]) => ({
      body: form({ ...valid, [name]: `a${character}b` }),
      codes: ["InvalidParameterValue"],
    })),
  fc
    .string({ unit: "grapheme", minLength: 1 })
    .filter((name) => !/^[a-zA-Z][a-zA-Z0-9]*(-[a-zA-Z0-9]+)*$/.test(name))
    .map((IntegrationName) => ({
      body: form({ ...valid, IntegrationName }),
      codes: ["InvalidParameterValue"],
    })),
  fc
    .constantFrom(
      "IntegrationName=%FF",
      "Description=%C3%28",
      "Description=%ED%A0%80",
      "Description=%4",
      "%zz=1",
      "Tags.Tag.1.Key=%F5%80%80%80",
    )
    .map((broken) => ({
      body: `${form(valid)}&${broken}`,
      codes: ["MalformedQueryString"],
    })),
  fc
    .constantFrom(
      "Tags",
      "Tags.Tag",
      "Tags.Tag.1",
      "Tags.x.1.Key",
      "Tags.Tag.0.Key",
      "AdditionalEncryptionContext.entry",
      "IntegrationName.x.y",
    )
    .map((name) => ({
      body: `${form(valid)}&${name}=x`,
      codes: ["ValidationError", "MissingParameter"],
    })),
  fc
    .oneof(fc.double().map(String), fc.string())
    .filter((text) => !/^[+-]?\d{1,10}$/.test(text))
    .map((MaxRecords) => ({
      body: form({ Action: "DescribeIntegrations", Version: version, MaxRecords }),
      codes: ["InvalidParameterValue"],
    })),
  fc.string({ maxLength: 400 }).map((Marker) => ({
    body: form({ Action: "DescribeIntegrations", Version: version, Marker }),
    codes: ["InvalidParameterValue"],
  })),
  fc.string().map((name) => ({
    body: form({
      Action: "DescribeIntegrations",
      Version: version,
      "Filters.Filter.1.Name": `x${name}`,
      "Filters.Filter.1.Values.Value.1": name,
    }),
    codes: ["InvalidParameterValue"],
  })),
  fc.string().map((text) => ({
    body: form({ Action: "DeleteIntegration", Version: version, IntegrationIdentifier: text }),
    codes: ["InvalidParameterValue", "IntegrationNotFoundFault"],
  })),
  fc.uint8Array({ maxLength: 2_000 }).map((body) => ({
    body,
    codes: ["MalformedQueryString", "MissingAction", "ValidationError"],
  })),
  fc.constantFrom("a", "%00", "%F0%9F%90%98", "(").map((unit) => ({
    body: `${form(valid)}&Description=${unit.repeat(1_000_000 / unit.length)}`,
    codes: ["InvalidParameterValue"],
  })),
  fc.constant({
    body: `${form(valid)}&Description=${"a".repeat(2_000_000)}`,
    codes: ["RequestEntityTooLarge"],
  }),
  fc.constant({
    body: `${"a.b.c=1&".repeat(100_000)}${form(valid)}`,
    codes: ["MalformedQueryString", "ValidationError"],
  }),
  fc
    .string({ unit: fc.constantFrom("A", "W", "S", "4", "-", "/", "=", ",", " ", "a") })
    .map((authorization) => ({
      body: form(valid),
      headers: { authorization },
      codes: ["IncompleteSignature", "MissingAuthenticationToken"],
    })),
  fc
    .constantFrom("PUT", "DELETE", "PATCH", "OPTIONS")
    .map((method) => ({ method, body: form(valid), codes: ["InvalidAction"] })),
];

test("1,000 hostile requests each get the right AWS error, and the service lives", async () => {
  // Megabytes come less often than the rest.
  const weighted = attacks.map((arbitrary, index) => ({
    arbitrary,
    weight: [16, 17, 18].includes(index) ? 1 : 12,
  }));
  await fc.assert(
    fc.asyncProperty(fc.oneof(...weighted), async (attack) => {
      const response = await send(attack);
      const { code, requestId } = errorEnvelope(response.status, await response.text());
      expect(attack.codes).toContain(code);
      expect(response.headers.get("x-amzn-requestid")).toBe(requestId);
    }),
    { numRuns: 1_000, verbose: fc.VerbosityLevel.None },
  );
  expect(await service.catalog.wanted()).toEqual([]);
  const made = await send({ body: form(valid), codes: [] });
  expect(made.status).toBe(200);
  expect((await fetch(`${service.url}/healthz`)).status).toBe(200);
});
