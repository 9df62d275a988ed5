import { expect, test } from "vitest";
import { account, TestService, user } from "../../../test/support/aws-service.ts";
import { queryCall } from "../../../test/support/query-call.ts";

const sts = { service: "sts", version: "2011-06-15" };

test("GetCallerIdentity tells the account and the user of the access key", async () => {
  await using service = await TestService.start();
  const { status, text, xml } = await queryCall(service, { ...sts, action: "GetCallerIdentity" });
  expect(status).toBe(200);
  expect(text).toMatch(
    /^<GetCallerIdentityResponse xmlns="https:\/\/sts\.amazonaws\.com\/doc\/2011-06-15\/">/,
  );
  expect(xml).toMatchObject({
    GetCallerIdentityResponse: {
      GetCallerIdentityResult: {
        Arn: `arn:aws:iam::${account}:user/${user}`,
        UserId: user,
        Account: account,
      },
    },
  });
});

test("an action belongs to the service that the signature is for", async () => {
  await using service = await TestService.start();
  const stray = { ...sts, service: "rds", action: "GetCallerIdentity" };
  expect((await queryCall(service, stray)).text).toContain("<Code>InvalidAction</Code>");
  const refused = await queryCall(service, { ...sts, action: "AssumeRole" });
  expect(refused.text).toContain('<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">');
  expect(refused.text).toContain("<Code>InvalidAction</Code>");
});
