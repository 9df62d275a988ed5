import { expect, test } from "vitest";
import { jsonServices, queryServices, type ServiceName } from "../../src/api/services.ts";
import { pinnedVersion, requireClient } from "../support/clients.ts";
import { Conformance } from "./conformance.ts";
import { coveragePage } from "./coverage-page.ts";
import { coverageOf, gaps, Ledger, type Evidence } from "./ledger.ts";
import type { Scenario } from "./scenario.ts";
import { scenarios } from "./scenarios.ts";

const services = { ...queryServices, ...jsonServices };
const serviceNames = Object.keys(services) as ServiceName[];

// After a change of what there is or why it is not: npx vitest run test/conformance -u
test("every action is as the official model has it, for boto3, the AWS CLI and the AWS SDK", async (context) => {
  requireClient(context, "boto3");
  requireClient(context, "AWS CLI");
  await using conformance = await Conformance.start(serviceNames);
  const evidence: Evidence[] = [];
  for (const service of serviceNames) {
    const ofService: Readonly<Record<string, Scenario>> = scenarios[service];
    const actions = services[service].actions.map(({ name }) => name);
    expect(Object.keys(ofService).toSorted()).toEqual(actions.toSorted());
    for (const [action, scenario] of Object.entries(ofService)) {
      const ledger = new Ledger();
      await scenario.run(conformance.probe(service, action, ledger));
      evidence.push({ model: conformance.model(service), action, scenario, ledger });
    }
  }
  expect(conformance.flaws).toEqual([]);
  const { version } = conformance.python;
  if (version !== (await pinnedVersion("boto3"))) {
    // Another model may have members that our lists cannot know of.
    process.stderr.write(
      `\n*** botocore is ${version}: what of its model is not covered is not tested ***\n`,
    );
    return;
  }
  expect(evidence.flatMap((each) => gaps(each))).toEqual([]);
  await expect(
    coveragePage(
      version,
      evidence.map((each) => coverageOf(each)),
    ),
  ).toMatchFileSnapshot("../../docs/generated/api-coverage.md");
});
