import { XMLParser, XMLValidator } from "fast-xml-parser";
import fc from "fast-check";
import { expect, test } from "vitest";
import { AwsError } from "./error.ts";
import type { StructureShape } from "./shape.ts";
import { printError, printMembers, printSuccess } from "./xml.ts";
import { isXmlText } from "./xml-text.ts";

const text = { kind: "string", lengthMax: 1_000 } as const;

const shape = {
  kind: "structure",
  required: {
    Name: text,
    Tags: {
      kind: "list",
      memberName: "Tag",
      lengthMax: 9,
      member: { kind: "structure", required: { Key: text }, optional: {} },
    },
    Context: { kind: "map", key: text, value: text, lengthMax: 9 },
    CreateTime: { kind: "timestamp" },
  },
  optional: { Count: { kind: "integer" }, Only: { kind: "boolean" } },
} as const satisfies StructureShape;

const CreateTime = new Date("2023-12-14T00:15:21.358Z");

test("prints lists, maps and timestamps as AWS does", () => {
  const members = printMembers(shape, {
    Name: "<a&b>",
    Tags: [{ Key: "k" }, { Key: "" }],
    Context: { a: "1" },
    CreateTime,
    Count: 3,
    Only: false,
  });
  expect(members).toBe(
    "<Name>&lt;a&amp;b&gt;</Name><Tags><Tag><Key>k</Key></Tag><Tag><Key/></Tag></Tags>" +
      "<Context><entry><key>a</key><value>1</value></entry></Context>" +
      "<CreateTime>2023-12-14T00:15:21.358Z</CreateTime><Count>3</Count><Only>false</Only>",
  );
});

test("empty lists and maps are empty elements; what is undefined is left out", () => {
  expect(printMembers(shape, { Name: "", Tags: [], Context: {}, CreateTime })).toBe(
    "<Name/><Tags/><Context/><CreateTime>2023-12-14T00:15:21.358Z</CreateTime>",
  );
});

test("the envelope of a success has a result only where the action has one", () => {
  const answer = { action: "X", namespace: "http://n/", requestId: "r" };
  expect(printSuccess({ ...answer, result: "<A/>" })).toBe(
    '<XResponse xmlns="http://n/"><XResult><A/></XResult><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></XResponse>',
  );
  expect(printSuccess({ ...answer, result: undefined })).toBe(
    '<XResponse xmlns="http://n/"><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></XResponse>',
  );
});

test.each([
  ["InvalidParameterValue", "Sender"],
  ["InternalFailure", "Receiver"],
] as const)("the envelope of %s names the %s", (code, type) => {
  const error = new AwsError(code, "<&>\r\u0001");
  expect(printError({ namespace: "http://n/", requestId: "r", error })).toBe(
    `<ErrorResponse xmlns="http://n/"><Error><Type>${type}</Type><Code>${code}</Code>` +
      "<Message>&lt;&amp;&gt;&#xD;\ufffd</Message></Error><RequestId>r</RequestId></ErrorResponse>",
  );
});

test("whatever the text, the document is valid, and an XML parser reads it back", () => {
  const parser = new XMLParser({ trimValues: false, parseTagValue: false, htmlEntities: true });
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (name) => {
      const xml = printSuccess({
        action: "X",
        namespace: "http://n/",
        requestId: "r",
        result: printMembers(shape, { Name: name, Tags: [], Context: {}, CreateTime }),
      });
      expect(isXmlText(xml)).toBe(true);
      expect(XMLValidator.validate(xml)).toBe(true);
      const read = parser.parse(xml) as { XResponse: { XResult: { Name: string } } };
      if (isXmlText(name)) expect(read.XResponse.XResult.Name).toBe(name);
    }),
    { numRuns: 1_000 },
  );
});
