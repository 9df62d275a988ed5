import { account } from "../support/aws-service.ts";
import { namespaceMembers, workgroupMembers } from "./absent-members.ts";
import { absent, type Scenario } from "./scenario.ts";

const failure = absent(
  "a failure of the service itself is nothing that a call can bring about",
  "InternalServerException",
);

/** Actions of Redshift Serverless. */
export const serverlessScenarios = {
  ListNamespaces: {
    notProduced: namespaceMembers("namespaces[]"),
    notProvoked: [failure],
    run: async ({ accepts, refuses }) => {
      const { nextToken } = await accepts({ maxResults: 20 });
      await accepts({ maxResults: 20, nextToken });
      await refuses("ValidationException", { nextToken: "of another list" });
    },
  },
  GetNamespace: {
    notProduced: namespaceMembers("namespace"),
    notProvoked: [failure],
    run: async ({ accepts, refuses }) => {
      await accepts({ namespaceName: "target-0" });
      await refuses("ResourceNotFoundException", { namespaceName: "nobody" });
      await refuses("ValidationException", { namespaceName: "no name" });
    },
  },
  ListWorkgroups: {
    notProduced: workgroupMembers("workgroups[]"),
    notProvoked: [failure],
    run: async ({ accepts, refuses }) => {
      const page = { maxResults: 20, ownerAccount: account };
      const { nextToken } = await accepts(page);
      await accepts({ ...page, nextToken });
      await refuses("ValidationException", { nextToken: "of another list" });
    },
  },
  GetWorkgroup: {
    notProduced: workgroupMembers("workgroup"),
    notProvoked: [failure],
    run: async ({ accepts, refuses }) => {
      await accepts({ workgroupName: "target-0" });
      await refuses("ResourceNotFoundException", { workgroupName: "nobody" });
      await refuses("ValidationException", { workgroupName: "no name" });
    },
  },
} as const satisfies Readonly<Record<string, Scenario>>;
