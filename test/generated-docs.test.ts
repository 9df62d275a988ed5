import { expect, test } from "vitest";
import { configurationJsonSchema, errorsPage, eventsPage, settingsPage } from "./support/generated-docs.ts";

// After a change of settings or errors: npx vitest run test/generated-docs.test.ts -u
test.each([
  ["configuration.schema.json", configurationJsonSchema],
  ["errors.md", errorsPage],
  ["events.md", eventsPage],
  ["settings.md", settingsPage],
])("docs/generated/%s is what the sources say", async (name, make) => {
  await expect(make()).toMatchFileSnapshot(`../docs/generated/${name}`);
});
