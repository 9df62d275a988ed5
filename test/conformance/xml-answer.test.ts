import { expect, test } from "vitest";
import { read } from "./reading.ts";
import { ServiceModel } from "./service-model.ts";
import { errorInXml, outputInXml } from "./xml-answer.ts";

const namespace = "http://example.com/doc/";
const model = new ServiceModel("example", {
  metadata: { protocol: "query", apiVersion: "2000-01-01", xmlNamespace: namespace },
  operations: { Look: { output: { shape: "Seen" } } },
  shapes: {
    Seen: {
      type: "structure",
      members: {
        Name: { shape: "Text" },
        At: { shape: "Time" },
        Count: { shape: "Number" },
        Things: { shape: "Things" },
      },
      required: ["Name"],
    },
    Things: { type: "list", member: { shape: "Text", locationName: "Thing" } },
    Text: { type: "string" },
    Time: { type: "timestamp" },
    Number: { type: "integer" },
  },
});

function answer(result: string): string {
  const metadata = "<ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>";
  return `<LookResponse xmlns="${namespace}"><LookResult>${result}</LookResult>${metadata}</LookResponse>`;
}

function flawsOf(result: string): readonly string[] {
  return read(model, model.output("Look"), outputInXml(model, "Look", answer(result))).flaws;
}

test("an answer that is as the model has it is read as it is", () => {
  const xml =
    "<Name>a &lt; b</Name><At>2026-01-31T12:00:00Z</At><Count>7</Count><Things><Thing>x</Thing></Things>";
  const { value, paths, flaws } = read(model, model.output("Look"), outputInXml(model, "Look", answer(xml)));
  expect(value).toEqual({ Name: "a < b", At: "2026-01-31T12:00:00.000Z", Count: 7, Things: ["x"] });
  expect([...paths]).toEqual(["Name", "At", "Count", "Things"]);
  expect(flaws).toEqual([]);
});

test.each([
  ["an unknown element", "<Name>a</Name><Nome>a</Nome>", "the model does not know Nome"],
  ["a required element that is not there", "<Count>1</Count>", "Name is missing"],
  ["an element that is there twice", "<Name>a</Name><Name>b</Name>", "Name has a value of another type"],
  [
    "a member of another name",
    "<Name>a</Name><Things><member>x</member></Things>",
    "Things has a value of another",
  ],
  ["a text that is no number", "<Name>a</Name><Count>many</Count>", "Count has a value of another type"],
  ["a text that is no time", "<Name>a</Name><At>noon</At>", "At has a value of another type"],
])("%s is a flaw", (_, result, flaw) => {
  expect(flawsOf(result)).toEqual([expect.stringContaining(flaw)]);
});

test("an envelope that is not the protocol's is refused", () => {
  expect(() => outputInXml(model, "Look", "<LookResponse/>")).toThrow("not an envelope of Look");
  expect(() => outputInXml(model, "Look", answer("").replace(namespace, "http://other/"))).toThrow(
    "not an envelope",
  );
  expect(() => errorInXml(model, answer(""))).toThrow("not an envelope of an error");
});
