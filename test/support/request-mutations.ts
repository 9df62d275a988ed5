import { credentials, region } from "./aws-service.ts";
import type { Dice } from "./dice.ts";
import type { Draft, Framing } from "./request-draft.ts";

export type Mutation = (draft: Draft, dice: Dice) => void;

const bodyBytesMax = 1024 * 1024;

const names = [
  "a.b.c.d.e.f.g.h.i.j.k.l",
  ".",
  "....",
  "",
  "Tags",
  "Tags.Tag",
  "Tags.Tag.0.Key",
  "Tags.Tag.-1.Key",
  "Tags.Tag.999999.Key",
  "Tags.Tag.99999999999999999999.Key",
  "Tags.Tag.1e3.Key",
  "Tags.Tag.1.Key.x",
  "Tags.member.1.Key",
  "Tags.__proto__.1.Key",
  "Filters.Filter.1.Values.Value.999999",
  "AdditionalEncryptionContext.entry.1.key",
  "AdditionalEncryptionContext.entry.1.value",
  "__proto__",
  "__proto__.polluted",
  "constructor.prototype.polluted",
  "toString",
  "X-Amz-Signature",
  "Action",
  "Version",
  "%00",
  "%F0%9F%90%98",
  "n".repeat(256),
  "n".repeat(257),
] as const;

const values = [
  "",
  "%00",
  "a%01b",
  "%0D%0A",
  "%EF%BF%BF",
  "%ED%A0%80",
  "%F5%80%80%80",
  "%C0%80",
  "%E2%80%AE",
  "%EF%BB%BF",
  "%FF",
  "%",
  "%4",
  "%zz",
  "%u0041",
  "\xff\xfe",
  "f\xfcr",
  "<x>&'\"]]>",
  "%3C!%5BCDATA%5B%26",
  "';DROP+TABLE+zeroetl.integrations;--",
  "$%7Bjndi:x%7D",
  "0",
  "-1",
  "19",
  "101",
  "%2B20",
  "2147483648",
  "99999999999999999999",
  "1e2",
  "NaN",
  "9999-12-31T23:59:59.999Z",
  "9999-12-31T23:59-23:59",
  "0000-01-01T00:00%2B23:59",
  "2026-02-31T00:00Z",
  "2026-13-01T00:00:00Z",
  "arn:aws:rds:us-east-1:123456789012:db:shop",
  "arn:aws:rds:::integration:",
  `arn:${":".repeat(200)}`,
  "a".repeat(64),
  "a-".repeat(120),
  "include:+a.b./(/",
  "include:+a.b./(a%2B)%2B$/",
  `${"include:+a.b.c,".repeat(100)}`,
  "a".repeat(30_000),
] as const;

const documents = [
  "",
  "null",
  "[]",
  '"x"',
  "{",
  "{}x",
  '{"maxResults":1e400}',
  '{"maxResults":"20"}',
  '{"maxResults":20,"maxResults":30}',
  '{"__proto__":{"maxResults":20},"constructor":{}}',
  '{"namespaceName":"\\ud800"}',
  '{"namespaceName":"\\u0000"}',
  '{"namespaceName":"\xff"}',
  '{"nextToken":null}',
  `${'{"a":'.repeat(5_000)}1${"}".repeat(5_000)}`,
  "[".repeat(100_000),
] as const;

function form(draft: Draft): "query" | "body" {
  return draft.method === "POST" ? "body" : "query";
}

/** Changes the pieces between the ampersands. */
function pieces(draft: Draft, change: (list: string[]) => void): void {
  const list = draft[form(draft)].split("&");
  change(list);
  draft[form(draft)] = list.join("&");
}

function nameOf(piece: string): string {
  return piece.slice(0, piece.indexOf("="));
}

/** What a query may hold is one line of a few thousand characters. */
function longest(draft: Draft, length: number): number {
  return draft.method === "POST" ? length : Math.min(length, 4_000);
}

function padTo(draft: Draft, length: number): void {
  const key = "&Description=";
  const missing = longest(draft, length) - draft[form(draft)].length - key.length;
  draft[form(draft)] += key + "a".repeat(Math.max(missing, 0));
}

/** Before the signature, which is therefore good: what gets to the operations, or nearly. */
export const signedMutations: readonly Mutation[] = [
  (draft, dice) => pieces(draft, (list) => list.push(`${dice.pick(names)}=${dice.pick(values)}`)),
  (draft, dice) =>
    pieces(draft, (list) => {
      const at = dice.int(list.length);
      list[at] = `${nameOf(list[at] ?? "")}=${dice.pick(values).slice(0, longest(draft, 30_000))}`;
    }),
  (draft, dice) =>
    pieces(draft, (list) => {
      const at = dice.int(list.length);
      list[at] = (list[at] ?? "").replace(nameOf(list[at] ?? ""), dice.pick(names));
    }),
  (draft, dice) => pieces(draft, (list) => list.splice(dice.int(list.length), 1)),
  (draft, dice) => pieces(draft, (list) => list.push(dice.pick(list))),
  (draft, dice) =>
    pieces(draft, (list) => list.push(`${nameOf(dice.pick(list))}=${dice.pick(values).slice(0, 999)}`)),
  (draft, dice) =>
    pieces(draft, (list) => list.splice(0, list.length, ...list.toReversed(), dice.pick(names))),
  (draft, dice) => {
    if (draft.method === "POST") draft.body = dice.flipped(draft.body, "bytes");
    else draft.query = dice.flipped(draft.query, "printable").replaceAll(/[ #]/g, "_");
  },
  (draft, dice) => {
    draft[form(draft)] = draft[form(draft)].slice(0, dice.int(draft[form(draft)].length));
  },
  (draft, dice) => {
    const [text, ...encodings] = [draft.body, "utf16le", "utf8"] as const;
    if (draft.method === "POST")
      draft.body = Buffer.from(`\ufeff${text}`, dice.pick(encodings)).toString("latin1");
  },
  (draft, dice) =>
    pieces(draft, (list) =>
      list.push(
        ...Array.from({ length: dice.pick([50, 210]) }, (_, n) => `Tags.Tag.${n + 1}.Key=${n}`).slice(
          0,
          longest(draft, 100),
        ),
      ),
    ),
  (draft, dice) => {
    draft.method = dice.pick(["PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"]);
  },
  (draft, dice) => {
    draft.service = dice.pick(["rds", "redshift", "redshift-serverless", "sts", "zeroetl", "s3", ""]);
  },
  (draft, dice) => {
    const type = dice.pick([
      "application/json",
      "multipart/form-data; boundary=x",
      "text/plain;charset=utf-16",
      "",
    ]);
    draft.headers = [
      ["content-type", type],
      ["content-encoding", dice.pick(["gzip", "identity"])],
    ];
  },
  (draft) => {
    draft.signing = "none";
  },
  (draft, dice) => {
    draft.headers = [
      ["content-type", dice.pick(["application/x-amz-json-1.1", "application/x-amz-json-9"])],
      [
        "x-amz-target",
        `RedshiftServerless.${dice.pick(["ListNamespaces", "GetNamespace", "__proto__", ""])}`,
      ],
    ];
    Object.assign(draft, { service: "redshift-serverless", method: "POST", query: "" });
    draft.body = dice.pick(documents);
  },
];

/** Seldom: each takes as long as a hundred others. */
export const bigMutations: readonly Mutation[] = [
  (draft, dice) => padTo(draft, bodyBytesMax + dice.pick([-1, 0, 1])),
  (draft) => padTo(draft, 2 * bodyBytesMax),
  (draft, dice) => {
    const repeated = dice.pick(["a.b.c=1&", "Tags.Tag.1.Key=%41&", "&&&&", "%F0%9F%90%98="]);
    const times = dice.pick([1_990, 2_010, 100_000]);
    draft[form(draft)] =
      repeated.repeat(times).slice(0, longest(draft, bodyBytesMax - 1_000)) + draft[form(draft)];
  },
];

function changeHeader(draft: Draft, name: string, change: (value: string) => string): void {
  draft.headers = draft.headers.map(([key, value]) => [key, key === name ? change(value) : value]);
}

const signedHeaderLists = [
  "",
  ";",
  "host;;x-amz-date",
  "host",
  "host;x y",
  "host;\u00fc",
  "HOST;x-amz-date",
  `host;${"x;".repeat(3_000)}`,
  "host;__proto__",
  "host;host;x-amz-date",
] as const;
const keyIds = ["", "AKIDNOBODY", "a%00b", "..", `${"k".repeat(4_000)}`, "\u00fc", "__proto__"] as const;
const dates = [
  "",
  "20260131T120000Z",
  "99991231T235959Z",
  "00000101T000000Z",
  "20261301T000000Z",
  "yesterday",
  "2026-01-31T12:00:00Z",
] as const;

/** In the authorization, or in the parameters of a presigned URL. */
function changeClaim(draft: Draft, name: string, value: string): void {
  changeHeader(draft, "authorization", (text) =>
    text.replace(new RegExp(`${name}=[^,]*`), `${name}=${value}`),
  );
  const pattern = new RegExp(`(X-Amz-${name}=)[^&]*`);
  draft.query = draft.query.replace(pattern, (_, key: string) => key + encoded(value));
}

/** As a client writes it, apart from what is escaped already. */
function encoded(value: string): string {
  return encodeURIComponent(value).replaceAll("%2500", "%00");
}

const framings: readonly Framing[] = [
  "chunked",
  "broken-chunks",
  "short",
  "long",
  "both",
  "no-number",
  "twice",
];

/** After the signature, which is therefore bad unless it does not cover what was changed. */
export const unsignedMutations: readonly Mutation[] = [
  (draft, dice) => {
    const [name] = dice.pick(draft.headers);
    changeHeader(draft, name, (value) => (value === "" ? "x" : dice.flipped(value, "printable")));
    draft.isHttpBroken = name === "host";
  },
  (draft, dice) => {
    const [name] = dice.pick(draft.headers);
    changeHeader(draft, name, (value) => (value === "" ? "\x00" : dice.flipped(value, "bytes")));
    draft.isHttpBroken = true;
  },
  (draft, dice) => {
    const [name] = draft.headers.splice(dice.int(draft.headers.length), 1)[0] ?? [];
    draft.isHttpBroken = name === "host";
  },
  (draft, dice) => {
    const [name, value] = dice.pick(draft.headers);
    draft.headers.push([name, dice.chance(0.5) ? value : `${value}x`]);
    draft.isHttpBroken = name === "host";
  },
  (draft, dice) => {
    const length = dice.pick([1_000, 8_000, 20_000]);
    draft.headers.push([dice.pick(["x-amz-meta", "cookie", "user-agent"]), "h".repeat(length)]);
    draft.isHttpBroken = length > 16_000;
  },
  (draft, dice) => {
    const count = dice.pick([100, 3_000]);
    for (let n = 0; n < count; n += 1) draft.headers.push([`x-${n}`, ""]);
    draft.isHttpBroken = count > 1_000;
  },
  (draft, dice) => {
    const date = dice.pick(["20260131", "99999999", ""]);
    const parts = [
      date,
      dice.pick([region, "eu-west-1", "", "\u00fc"]),
      dice.pick(["rds", "iam", "", "RDS"]),
    ];
    changeClaim(draft, "Credential", [credentials.accessKeyId, ...parts, "aws4_request"].join("/"));
  },
  (draft, dice) => {
    const today = new Date().toISOString().slice(0, 10).replaceAll("-", "");
    changeClaim(draft, "Credential", [dice.pick(keyIds), today, region, "rds", "aws4_request"].join("/"));
  },
  (draft, dice) =>
    changeClaim(draft, "Credential", dice.pick(["", "/", "////", "a/b/c/d/aws4_request", "/".repeat(2_000)])),
  (draft, dice) => changeClaim(draft, "SignedHeaders", dice.pick(signedHeaderLists)),
  (draft, dice) =>
    changeClaim(
      draft,
      "Signature",
      dice.pick(["", "0", "g".repeat(64), "A".repeat(64), "0".repeat(64), "f".repeat(6_000)]),
    ),
  (draft, dice) => {
    const date = dice.pick(dates);
    changeHeader(draft, "x-amz-date", () => date);
    draft.query = draft.query.replace(/(X-Amz-Date=)[^&]*/, (_, key: string) => key + encoded(date));
  },
  (draft, dice) => {
    const seconds = dice.pick(["", "0", "-1", "604801", "1e3", "NaN", "%00"]);
    draft.query = draft.query.replace(/(X-Amz-Expires=)[^&]*/, (_, key: string) => key + seconds);
  },
  (draft, dice) => {
    const name = dice.pick([
      "Algorithm",
      "Credential",
      "Date",
      "Expires",
      "SignedHeaders",
      "Signature",
      "Security-Token",
    ]);
    const more = `X-Amz-${name}=${dice.pick(["", "x", "%00", "AWS4-HMAC-SHA256", "%FF"])}`;
    draft.query = dice.chance(0.5)
      ? `${draft.query}&${more}`
      : draft.query.replace(new RegExp(`&?X-Amz-${name}=[^&]*`), "");
  },
  (draft, dice) => {
    const value = dice.pick([
      "",
      "AWS4-HMAC-SHA256",
      "Basic YTpi",
      "Bearer x",
      "AWS4-HMAC-SHA256 ",
      `AWS4-HMAC-SHA256 ${"a=b,".repeat(2_000)}`,
    ]);
    changeHeader(draft, "authorization", () => value);
  },
  (draft, dice) =>
    draft.headers.push([
      dice.pick(["x-amz-security-token", "x-amz-date", "x-amz-target", "authorization"]),
      "x",
    ]),
  (draft, dice) => {
    if (draft.method === "POST") draft.body = dice.flipped(draft.body, "bytes");
    else draft.query = dice.flipped(draft.query, "printable").replaceAll(/[ #]/g, "_");
  },
  (draft, dice) => {
    draft.target = dice.pick(["absolute", "fragment"]);
    draft.isHttpBroken = true;
  },
  (draft, dice) => {
    draft.version = dice.pick(["HTTP/1.0", "HTTP/2.0", "HTTP/9.9", "HTTP", "ICY/1.1"]);
    draft.isHttpBroken = true;
  },
  (draft, dice) => {
    draft.method = dice.pick(["post", "GETT", "CONNECT", "TRACE", "BREW", "", "P\x00ST"]);
    draft.isHttpBroken = true;
  },
  (draft, dice) => {
    draft.headers.push(
      dice.pick([
        ["expect", "100-continue"],
        ["connection", "Upgrade"],
        ["upgrade", "h2c"],
        ["te", "trailers"],
      ]),
    );
    draft.isHttpBroken = true;
  },
  (draft, dice) => {
    changeHeader(draft, "host", () =>
      dice.pick(["", "a b", "[::1", "x/y", "user@host", "h:99999", "\u00fc", "a,b"]),
    );
    draft.isHttpBroken = true;
  },
  (draft, dice) => {
    draft.framing = dice.pick(framings);
    draft.isHttpBroken = draft.framing !== "chunked";
  },
];
