import { describe, expect, test } from "vitest";
import { decideOnSource, inbound, parseNamespacePolicy } from "./namespace-policy.ts";
import { InvalidPolicy } from "./document.ts";
import type { Principal } from "./principal.ts";
import { decide } from "./policy.ts";

const account = "123456789012";
const namespace = `arn:aws:redshift-serverless:us-east-1:${account}:namespace/11111111-2222-4333-8444-555555555555`;
const ofCluster = `arn:aws:redshift:us-east-1:${account}:namespace:11111111-2222-4333-8444-555555555555`;
const shop = `arn:aws:rds:us-east-1:${account}:db:shop`;
const books = `arn:aws:rds:us-east-1:${account}:db:books`;
const now = new Date("2026-01-31T12:00:00Z");

const onSource = (Statement: unknown, sourceArn = shop): string =>
  decideOnSource(parseNamespacePolicy({ Version: "2012-10-17", Statement }, namespace), {
    sourceArn,
    targetArn: namespace,
    now,
  });

/** As in AWS's guide. */
const authorize = {
  Effect: "Allow",
  Principal: { Service: "redshift.amazonaws.com" },
  Action: [inbound.authorize],
  Condition: { StringEquals: { "aws:SourceArn": shop } },
};

describe("a source", () => {
  test("is let in where there is no policy", () => {
    expect(decideOnSource(undefined, { sourceArn: shop, targetArn: namespace, now })).toBe("allowed");
  });

  test.each<[string, object, string]>([
    ["by its ARN", {}, "allowed"],
    ["by another one's ARN", { Condition: { StringEquals: { "aws:SourceArn": books } } }, "not-allowed"],
    ["by ArnEquals", { Condition: { ArnEquals: { "aws:sourcearn": "arn:aws:rds:*:*:db:s*" } } }, "allowed"],
    ["by StringLike", { Condition: { StringLike: { "aws:SourceArn": "*:db:shop" } } }, "allowed"],
    ["by its account", { Condition: { StringEquals: { "aws:SourceAccount": account } } }, "allowed"],
    ["by another account", { Condition: { StringEquals: { "aws:SourceAccount": "1" } } }, "not-allowed"],
    [
      "until it is too late",
      { Condition: { DateLessThan: { "aws:CurrentTime": "2026-01-01" } } },
      "not-allowed",
    ],
    ["without a condition", { Condition: undefined }, "allowed"],
    ["for anyone", { Principal: "*" }, "allowed"],
    ["for any account", { Principal: { AWS: "*" } }, "allowed"],
    ["for another service", { Principal: { Service: "rds.amazonaws.com" } }, "not-allowed"],
    ["for the account, which the service is not", { Principal: { AWS: account } }, "not-allowed"],
    ["with another action", { Action: inbound.create }, "not-allowed"],
    ["with all actions", { Action: "redshift:*" }, "allowed"],
    ["with all but its action", { Action: undefined, NotAction: inbound.authorize }, "not-allowed"],
    ["with the namespace as it is", { Resource: namespace }, "allowed"],
    ["with the namespace as clusters have it", { Resource: [ofCluster] }, "allowed"],
    ["with a namespace that is meant, too", { Resource: "arn:aws:redshift:*:*:namespace:*" }, "allowed"],
    ["with all resources", { Resource: "*" }, "allowed"],
    ["with all but another resource", { NotResource: books }, "allowed"],
  ])("allowed %s: %#", (_, over, decision) => {
    expect(onSource({ ...authorize, ...over })).toBe(decision);
  });

  test("is not let in by a deny, whatever allows it", () => {
    const deny = { ...authorize, Effect: "Deny", Principal: "*" };
    expect(onSource([authorize, deny])).toBe("denied");
    const Condition = { StringNotEquals: { "aws:SourceArn": [books] } };
    expect(
      onSource([
        { ...authorize, Condition: {} },
        { ...deny, Condition },
      ]),
    ).toBe("denied");
    expect(
      onSource(
        [
          { ...authorize, Condition: {} },
          { ...deny, Condition },
        ],
        books,
      ),
    ).toBe("allowed");
  });
});

describe("a caller", () => {
  const ann: Principal = { kind: "user", account, arn: `arn:aws:iam::${account}:user/ann` };

  function onCaller(Principal: unknown, principal: Principal | undefined = ann): string {
    const Statement = { Effect: "Allow", Principal, Action: inbound.create };
    const policy = parseNamespacePolicy({ Statement: [Statement] }, namespace);
    return decide(policy, { action: inbound.create, resource: namespace, principal, context: new Map() });
  }

  test.each<[unknown, boolean]>([
    ["*", true],
    [{ AWS: "*" }, true],
    [{ AWS: account }, true],
    [{ AWS: `arn:aws:iam::${account}:root` }, true],
    [{ AWS: ["210987654321", `arn:aws:iam::${account}:user/ann`] }, true],
    [{ Service: "redshift.amazonaws.com", AWS: account }, true],
    [{ AWS: "210987654321" }, false],
    [{ AWS: "arn:aws:iam::210987654321:root" }, false],
    [{ AWS: `arn:aws:iam::${account}:user/anna` }, false],
    [{ AWS: `arn:aws:iam::${account}:role/ann` }, false],
    [{ AWS: `arn:aws:sts::${account}:assumed-role/ann/session` }, false],
    [{ Service: "redshift.amazonaws.com" }, false],
  ])("who is one of %j: %s", (principal, isMeant) => {
    expect(onCaller(principal)).toBe(isMeant ? "allowed" : "not-allowed");
  });

  test("who is nobody is nobody's principal", () => {
    const policy = parseNamespacePolicy(
      { Statement: [{ Effect: "Allow", Principal: "*", Action: inbound.create }] },
      namespace,
    );
    const asked = { action: inbound.create, resource: namespace, context: new Map<string, string[]>() };
    expect(decide(policy, asked)).toBe("not-allowed");
  });
});

describe("a document that is not valid is refused with the place", () => {
  test.each<[object, string]>([
    [{ Principal: undefined }, "Statement must have Principal"],
    [{ NotPrincipal: "*" }, "Statement.NotPrincipal is not allowed here"],
    [{ Principal: "redshift.amazonaws.com" }, "Statement.Principal must be a mapping"],
    [{ Principal: {} }, "Statement.Principal must not be empty"],
    [{ Principal: { AWS: [] } }, "Statement.Principal.AWS must not be empty"],
    [
      { Principal: { AWS: "ann" } },
      'Statement.Principal.AWS has "ann", which must be the number of an account',
    ],
    [{ Principal: { AWS: `arn:aws:iam::${account}` } }, "Statement.Principal.AWS has"],
    [{ Principal: { AWS: `${account}:root` } }, "Statement.Principal.AWS has"],
    [{ Principal: { AWS: `arn:aws:iam::${account}:user/*` } }, "Statement.Principal.AWS has"],
    [{ Principal: { AWS: "redshift.amazonaws.com" } }, "Statement.Principal.AWS has"],
    [{ Principal: { Service: "*" } }, 'Statement.Principal.Service has "*"'],
    [
      { Principal: { Federated: "x" } },
      "Statement.Principal.Federated is not allowed here; known are AWS, Service",
    ],
    [{ Action: undefined }, "Statement must have either Action or NotAction"],
    [
      { Action: "redshift:GetClusterCredentials" },
      "Statement must be about redshift:CreateInboundIntegration or redshift:AuthorizeInboundIntegration",
    ],
    [{ Action: undefined, NotAction: "redshift:*" }, "Statement must be about redshift:CreateInbound"],
    [{ Resource: shop }, `Statement must be about ${namespace}: leave Resource out`],
    [{ Resource: `${namespace.slice(0, -1)}6` }, "leave Resource out"],
    [{ NotResource: [namespace, ofCluster] }, "leave Resource out"],
    [{ Resource: "arn:aws:redshift-serverless:${aws:username}" }, "leave Resource out"],
    [
      { Condition: { IpAddress: { "aws:SourceIp": "::1" } } },
      "is not a condition operator that is supported",
    ],
  ])("%j: %s", (over, sentence) => {
    const attempt = (): unknown => parseNamespacePolicy({ Statement: { ...authorize, ...over } }, namespace);
    expect(attempt).toThrow(InvalidPolicy);
    expect(attempt).toThrow(sentence);
  });
});
