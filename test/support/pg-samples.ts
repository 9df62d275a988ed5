import type { LogicalKind } from "../../src/model/logical-type.ts";
import { nestedSamples, rangeSamples } from "./pg-samples-nested.ts";

/** A type of PostgreSQL with values that have hurt others. */
export interface Sample {
  readonly type: string;
  readonly kind: LogicalKind;
  /** SQL expressions. */
  readonly values: readonly string[];
  /** Their canonical texts, where the server's own word is not enough to show what is meant. */
  readonly texts?: readonly string[];
  /** How the type is shown, where not as it is written here. */
  readonly sourceType?: string;
  /** The first version of PostgreSQL that has the type or its values. */
  readonly from?: number;
}

/** What the samples need, in order. */
export const sampleSetup = [
  "CREATE EXTENSION hstore",
  "CREATE EXTENSION ltree",
  "CREATE EXTENSION citext",
  "CREATE EXTENSION cube",
  `CREATE TYPE mood AS ENUM ('sad', 'so "so"', 'gl\\ad', 'null', 'ä', '')`,
  "CREATE DOMAIN small AS numeric(5,2) CHECK (VALUE < 500)",
  "CREATE DOMAIN smaller AS small",
  "CREATE DOMAIN words AS text[]",
  'CREATE TYPE pair AS (a int, "B ""q"" \\" text)',
  "ALTER TYPE pair ADD ATTRIBUTE gone int",
  "ALTER TYPE pair ADD ATTRIBUTE last smaller",
  "ALTER TYPE pair DROP ATTRIBUTE gone",
  "CREATE TYPE deep AS (p pair, ps pair[], j json, jb jsonb, at timestamptz, m mood, r int4range, f float4, h hstore)",
  "CREATE TYPE nothing AS ()",
  "CREATE TYPE with_acl AS (a aclitem)",
  "CREATE TYPE floatrange AS RANGE (subtype = float8)",
  "CREATE TYPE textrange AS RANGE (subtype = text)",
  "CREATE DOMAIN pair_domain AS pair",
];

const repeated = (text: string, times: number): string => `repeat('${text}', ${times})`;

const numbers: readonly Sample[] = [
  { type: "boolean", kind: "boolean", values: ["true", "false"], texts: ["t", "f"] },
  { type: "smallint", kind: "int16", values: ["0", "'-32768'", "32767", "-1", "256", "255"] },
  { type: "integer", kind: "int32", values: ["0", "'-2147483648'", "2147483647", "-1", "65536"] },
  {
    type: "bigint",
    kind: "int64",
    values: ["0", "'-9223372036854775808'", "9223372036854775807", "-1", "4294967296", "1234567890123456789"],
  },
  { type: "oid", kind: "uint32", values: ["0", "4294967295", "2147483648"] },
  { type: "xid", kind: "uint32", values: ["'0'", "'4294967295'", "'3'"] },
  { type: "cid", kind: "uint32", values: ["'0'", "'4294967295'"] },
  {
    type: "xid8",
    kind: "decimal",
    values: ["'0'", "'18446744073709551615'", "'9223372036854775808'", "'12'"],
  },
  { type: "regclass", kind: "uint32", values: ["'pg_class'", "0"], texts: ["1259", "0"] },
  { type: "regtype", kind: "uint32", values: ["'int4'"], texts: ["23"] },
  {
    type: "real",
    kind: "float32",
    values: [
      "0",
      "'-0'",
      "0.1",
      "'NaN'",
      "'Infinity'",
      "'-Infinity'",
      "1e-45",
      "3.4028235e38",
      "1e6",
      "16777216",
    ],
  },
  {
    type: "double precision",
    kind: "float64",
    values: [
      "0",
      "'-0'",
      "0.1",
      "'NaN'",
      "'Infinity'",
      "'-Infinity'",
      "5e-324",
      "2.2250738585072014e-308",
      "1.7976931348623157e308",
      "1e23",
      "1e15",
      "1e21",
      "123456789.123456789",
      "9007199254740993",
    ],
  },
  {
    type: "numeric(4,2)",
    kind: "decimal",
    values: ["0", "99.99", "-99.99", "0.01", "-0.01", "10", "1.5"],
    texts: ["0.00", "99.99", "-99.99", "0.01", "-0.01", "10.00", "1.50"],
  },
  {
    type: "numeric(9,0)",
    kind: "decimal",
    values: ["0", "999999999", "-999999999", "10000", "100000000", "1"],
  },
  {
    type: "numeric(12,2)",
    kind: "decimal",
    values: ["0", "9999999999.99", "-9999999999.99", "10000", "0.1", "12.34"],
  },
  {
    type: "numeric(15,7)",
    kind: "decimal",
    values: ["99999999.9999999", "-0.0000001", "10000000", "0.0001"],
  },
  {
    type: "numeric(18,5)",
    kind: "decimal",
    values: ["9999999999999.99999", "-9999999999999.99999", "0.00001", "1e12"],
  },
  {
    type: "numeric(18,0)",
    kind: "decimal",
    values: ["999999999999999999", "-999999999999999999", "4294967296", "-1"],
  },
  {
    type: "numeric(38,10)",
    kind: "decimal",
    values: [
      "9999999999999999999999999999.9999999999",
      "-9999999999999999999999999999.9999999999",
      "0.0000000001",
      "-1",
      "18446744073709551616",
      "-18446744073709551616.5",
      "0",
    ],
  },
  {
    type: "numeric(38,38)",
    kind: "decimal",
    values: ["0.99999999999999999999999999999999999999", "-1e-38", "0"],
  },
  { type: "numeric(3,-2)", kind: "decimal", values: ["99900", "-100", "0", "12345"], from: 16 },
  { type: "numeric(2,5)", kind: "decimal", values: ["0.00099", "-0.00001", "0"], from: 16 },
  {
    type: "numeric(39,1)",
    kind: "text",
    values: ["99999999999999999999999999999999999999.9", "-0.1", "0"],
  },
  {
    type: "numeric",
    kind: "text",
    values: [
      "0",
      "0.00",
      "-1.50",
      "1e-20",
      "1e20",
      "'NaN'",
      "'Infinity'",
      "'-Infinity'",
      "10000.0001",
      "1.10000",
      "0.00010",
      "9999",
      "10000",
      "99999999",
      "1000000000000",
      repeated("9", 131_072),
      "1e-16383",
    ],
  },
  {
    type: "money",
    kind: "decimal",
    values: ["0::money", "'-0.01'", "'92233720368547758.07'", "'-92233720368547758.08'", "'1234.5'"],
    texts: ["0.00", "-0.01", "92233720368547758.07", "-92233720368547758.08", "1234.50"],
  },
];

const texts: readonly Sample[] = [
  {
    type: "text",
    kind: "text",
    values: ["''", "'a'", `'ä€😀'`, "E'a\\nb\\tc\\\\d'", repeated("x", 100_000), "'NULL'", "'\"'"],
  },
  { type: "varchar(10)", kind: "text", values: ["'abc '", "''"], sourceType: "character varying(10)" },
  { type: "varchar", kind: "text", values: ["'abc'"], sourceType: "character varying" },
  {
    type: "char(4)",
    kind: "text",
    values: ["'ab'", "''", "'ä'"],
    texts: ["ab  ", "    ", "ä   "],
    sourceType: "character(4)",
  },
  { type: "name", kind: "text", values: ["'pg_class'", "''"] },
  {
    type: '"char"',
    kind: "text",
    values: ["'a'", "''", '0::"char"', '(-1)::"char"', '(-128)::"char"', '127::"char"'],
    texts: ["a", "", "", "\\377", "\\200", "\u007f"],
  },
  { type: "citext", kind: "text", values: ["'AbC'", "''"] },
  {
    type: "xml",
    kind: "text",
    values: [`'<a b="c">d</a>'`, `'<?xml version="1.0" encoding="UTF-8"?><a>ä</a>'`, "'text'"],
  },
  { type: "refcursor", kind: "text", values: ["'c'"] },
  { type: "mood", kind: "text", values: ["'sad'", `'so "so"'`, "'null'", "'ä'", "''"] },
  {
    type: "json",
    kind: "json",
    values: [`'null'`, `' {"b": 1, "a" : 2, "b":3} '`, `'1e400'`, `'"\\u0041\\n"'`, `'[]'`],
    texts: ["null", ' {"b": 1, "a" : 2, "b":3} ', "1e400", '"\\u0041\\n"', "[]"],
  },
  {
    type: "jsonb",
    kind: "json",
    values: [`'null'`, `'{"b":1,"a":2,"b":3}'`, `'12345678901234567890.10'`, `'"ä\\n"'`],
  },
  { type: "jsonpath", kind: "text", values: [`'$.a[*] ? (@.b > 1)'`] },
  {
    type: "bytea",
    kind: "bytes",
    values: ["''", "'\\x00ff5c'", "'\\xdeadbeef'"],
    texts: ["", "00ff5c", "deadbeef"],
  },
  {
    type: "uuid",
    kind: "uuid",
    values: [
      "'00000000-0000-0000-0000-000000000000'",
      "'ffffffff-ffff-ffff-ffff-ffffffffffff'",
      "'80000000-1234-4567-89ab-cdef01234567'",
    ],
  },
  { type: "bit", kind: "text", values: ["B'1'", "B'0'"], sourceType: "bit(1)" },
  { type: "bit(11)", kind: "text", values: ["B'10110111001'", "B'00000000000'"] },
  { type: "varbit(9)", kind: "text", values: ["B''", "B'1'", "B'101010101'"], sourceType: "bit varying(9)" },
  { type: "varbit", kind: "text", values: ["B'1111111111'"], sourceType: "bit varying" },
];

const times: readonly Sample[] = [
  {
    type: "date",
    kind: "date",
    values: [
      "'1970-01-01'",
      "'2000-01-01'",
      "'infinity'",
      "'-infinity'",
      "'4713-01-01 BC'",
      "'5874897-12-31'",
      "'0001-01-01'",
      "'0001-12-31 BC'",
      "'1582-10-10'",
      "'9999-12-31'",
    ],
  },
  {
    type: "time",
    kind: "time",
    values: ["'00:00'", "'24:00'", "'23:59:59.999999'", "'12:34:56.000001'"],
    sourceType: "time without time zone",
  },
  { type: "time(3)", kind: "time", values: ["'12:34:56.789'"], sourceType: "time(3) without time zone" },
  {
    type: "timetz",
    kind: "timetz",
    values: [
      "'00:00+00'",
      "'24:00-15:59:59'",
      "'23:59:59.999999+15:59:59'",
      "'12:34:56+05:30'",
      "'01:02:03-00:00:01'",
    ],
    sourceType: "time with time zone",
  },
  {
    type: "timestamp",
    kind: "timestamp",
    values: [
      "'1970-01-01'",
      "'2000-01-01'",
      "'infinity'",
      "'-infinity'",
      "'4713-11-24 00:00:00 BC'",
      "'0001-12-31 23:59:59 BC'",
      "'294247-01-10 04:00:54.775806'",
      "'1969-12-31 23:59:59.999999'",
      "'12345-06-07 08:09:10.111213'",
      "'1582-10-10 10:10'",
      "'2024-02-29 12:00:00.5'",
    ],
    sourceType: "timestamp without time zone",
  },
  {
    type: "timestamptz(3)",
    kind: "timestamptz",
    values: ["'2024-02-29 12:00:00.1234+02'", "'infinity'", "'-infinity'", "'4713-11-24 00:00:00+00 BC'"],
    sourceType: "timestamp(3) with time zone",
  },
  {
    type: "interval",
    kind: "interval",
    values: [
      "'0'",
      "'1 year 2 mons -3 days 04:05:06.789'",
      "'-1 year 13 days -00:00:00.000001'",
      "'178000000 years'",
      "'-178000000 years'",
      "'2147483647 days'",
      "'2147483647 hours'",
      "'-2147483647 hours'",
    ],
  },
  { type: "interval", kind: "interval", values: ["'2562047788 hours'", "'-2562047788 hours'"], from: 16 },
  { type: "interval day to second(3)", kind: "interval", values: ["'1 day 02:03:04.567'"] },
  { type: "interval(0)", kind: "interval", values: ["'1 day 02:03:04'"] },
];

const places: readonly Sample[] = [
  {
    type: "inet",
    kind: "text",
    values: [
      "'192.168.1.5'",
      "'192.168.1.5/24'",
      "'::'",
      "'::1'",
      "'::2'",
      "'1::'",
      "'::ffff:1.2.3.4'",
      "'::1.2.3.4'",
      "'::1.2.3.4/96'",
      "'2001:db8::ff00:42:8329/64'",
      "'1:0:0:2:0:0:0:3'",
      "'1:0:2:0:3:0:4:0'",
      "'0:0:0:1::'",
      "'1:2:3:4:5:6:7:8'",
      "'0.0.0.0/0'",
      "'::ffff:0:0'",
      "'::ffff:0.0.1.0'",
      "'::0.1.0.0'",
      "'1:2:3:4:5:6::'",
    ],
  },
  {
    type: "cidr",
    kind: "text",
    values: ["'10'", "'192.168.1.5'", "'192.168.0.0/16'", "'::/0'", "'2001:db8::/32'"],
  },
  { type: "macaddr", kind: "text", values: ["'08:00:2b:01:02:03'", "'ffffff-ffffff'"] },
  { type: "macaddr8", kind: "text", values: ["'08:00:2b:01:02:03:04:05'", "'08:00:2b:01:02:03'"] },
  { type: "pg_lsn", kind: "text", values: ["'0/0'", "'16/B374D848'", "'FFFFFFFF/FFFFFFFF'"] },
  { type: "tid", kind: "text", values: ["'(0,1)'", "'(4294967295,65535)'"] },
  { type: "pg_snapshot", kind: "text", values: ["'10:20:10,14,15'", "'10:10:'"] },
  { type: "txid_snapshot", kind: "text", values: ["'10:20:10,14,15'"] },
  { type: "point", kind: "text", values: ["'(1,2)'", "'(-0.5,1e300)'", "'(NaN,Infinity)'", "'(1e15,1e-5)'"] },
  { type: "line", kind: "text", values: ["'{1,2,3}'"] },
  { type: "lseg", kind: "text", values: ["'[(1,2),(3,4)]'"] },
  { type: "box", kind: "text", values: ["'(1,2),(3,4)'"] },
  { type: "path", kind: "text", values: ["'[(1,2),(3,4)]'", "'((1,2),(3,4))'"] },
  { type: "polygon", kind: "text", values: ["'((1,2),(3,4),(5,6))'"] },
  { type: "circle", kind: "text", values: ["'<(1,2),3.25>'"] },
  {
    type: "tsvector",
    kind: "text",
    values: ["''", `$$'a b':1A,2B 'it''s':3 'b\\\\s':4C,5 'ä'$$`, "to_tsvector('simple', 'the fat cat sat')"],
  },
  {
    type: "tsquery",
    kind: "text",
    values: [
      "''",
      "'fat & (rat | cat)'",
      "'!fat:ab & cat:*'",
      "'!(a & b) | c'",
      "'a <-> b <2> c'",
      "'a <-> (b <-> c)'",
      "'a & b & c | !d'",
      "'!!a'",
      "'(a | b) <-> !c'",
      `$$'it''s' & 'b\\\\s':*C$$`,
      "'a <0> b'",
    ],
  },
  { type: "int2vector", kind: "json", values: ["'1 2 3'", "''"], texts: ["[1,2,3]", "[]"] },
  { type: "oidvector", kind: "json", values: ["'1 4294967295'", "''"] },
  { type: "aclitem", kind: "text", values: ["makeaclitem(10, 10, 'SELECT', false)"] },
];

export const samples: readonly Sample[] = [
  ...numbers,
  ...texts,
  ...times,
  ...places,
  ...nestedSamples,
  ...rangeSamples,
];
