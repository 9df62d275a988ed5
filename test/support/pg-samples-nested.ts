import type { Sample } from "./pg-sample.ts";

export const nestedSamples: readonly Sample[] = [
  {
    type: "integer[]",
    kind: "json",
    values: [
      "'{}'",
      "'{1,NULL,3}'",
      "'{{1,2},{3,4}}'",
      "'{{{1},{NULL}}}'",
      "'[2:3]={1,2}'",
      "'[0:1][-1:-1]={{1},{2}}'",
    ],
    texts: [
      "[]",
      "[1,null,3]",
      "[[1,2],[3,4]]",
      "[[[1],[null]]]",
      '"[2:3]={1,2}"',
      '"[0:1][-1:-1]={{1},{2}}"',
    ],
  },
  {
    type: "text[]",
    kind: "json",
    values: [
      `ARRAY['', 'NULL', 'null', NULL, 'a"b', E'c\\\\d', 'e,f', '{g}', E'h\\n\\t\\b\\f\\r\\x01', 'ä😀', ' ', '/']`,
      `'[3:9]={"","NULL",NULL,nUll,"a\\"b","c\\\\d","e,f"}'`,
    ],
  },
  { type: "bigint[]", kind: "json", values: ["'{-9223372036854775808,9223372036854775807,0}'"] },
  { type: "boolean[]", kind: "json", values: ["'{t,f,NULL}'", "'[2:2]={t}'"] },
  {
    type: "real[]",
    kind: "json",
    values: [
      "'{0,-0,0.1,NaN,Infinity,-Infinity,1e-45,3.4028235e38,1e5,1e6,1e-4,1e-5,16777216,4194304.25,4194304.75}'",
    ],
  },
  {
    type: "double precision[]",
    kind: "json",
    values: [
      "'{0,-0,0.1,NaN,Infinity,-Infinity,5e-324,1e23,9e22,1e14,1e15,1e21,1e-4,1e-5,1.7976931348623157e308,0.30000000000000004}'",
      "'[2:3]={NaN,1e23}'",
    ],
  },
  { type: "numeric[]", kind: "json", values: ["'{NaN,1.50,-0.001,Infinity,1e30}'"] },
  { type: "numeric(5,2)[]", kind: "json", values: ["'{NaN,1.5,-0.01}'"] },
  { type: "varchar(3)[]", kind: "json", values: ["'{abc,d}'"], sourceType: "character varying(3)[]" },
  { type: "char(3)[]", kind: "json", values: ["'{abc,d}'"], sourceType: "character(3)[]" },
  { type: "bytea[]", kind: "json", values: [`ARRAY['\\x00ff'::bytea, '\\x5c', '']`] },
  { type: "uuid[]", kind: "json", values: ["'{80000000-1234-4567-89ab-cdef01234567}'"] },
  { type: "date[]", kind: "json", values: ["'{infinity,-infinity,2024-02-29,0044-03-15 BC,5874897-12-31}'"] },
  { type: "time[]", kind: "json", values: ["'{24:00,01:02:03.4}'"], sourceType: "time without time zone[]" },
  {
    type: "timetz[]",
    kind: "json",
    values: ["'{24:00+00,01:02:03.4-05:30,1:2:3+15:59:59,1:2:3-00:00:01}'"],
    sourceType: "time with time zone[]",
  },
  {
    type: "timestamp(3)[]",
    kind: "json",
    values: [
      "'{infinity,-infinity,2024-02-29 01:02:03.45,0044-03-15 01:00 BC,294276-12-31 23:59:59.999}'",
      "'[0:0]={0044-03-15 01:00 BC}'",
    ],
    sourceType: "timestamp(3) without time zone[]",
  },
  {
    type: "timestamptz[]",
    kind: "json",
    values: [
      "'{infinity,-infinity,2024-02-29 01:02:03.45+05,0044-03-15 01:00+00 BC}'",
      "'[0:0]={0044-03-15 01:00+00 BC}'",
    ],
    sourceType: "timestamp with time zone[]",
  },
  {
    type: "interval[]",
    kind: "json",
    values: [
      "'{0,1 year 2 mons -3 days 04:05:06.789,-1 year 1 mon 1 day -00:00:00.000001,1 mon,-1 day 00:00:01,2147483647:00:54.7,-25:00:00,1 year -2 mons}'",
    ],
  },
  { type: "json[]", kind: "json", values: [`ARRAY['{"a" : 1}'::json, 'null', ' "x" ']`] },
  { type: "jsonb[]", kind: "json", values: [`ARRAY['{"a" : 1}'::jsonb, 'null']`] },
  {
    type: "mood[]",
    kind: "json",
    values: [`ARRAY['so "so"', 'null', 'ä', '']::mood[]`, `'[5:6]={null,""}'`],
  },
  { type: "small[]", kind: "json", values: ["'{1.5,2}'"] },
  { type: "inet[]", kind: "json", values: ["'{10.0.0.1,::1/64}'"] },
  { type: "bit(3)[]", kind: "json", values: ["'{101,010}'"] },
  { type: "oid[]", kind: "json", values: ["'{1,4294967295}'"] },
  { type: "xid8[]", kind: "json", values: ["'{1,18446744073709551615}'"] },
  { type: '"char"[]', kind: "json", values: ["'{a,b}'"] },
  { type: "box[]", kind: "json", values: ["'{(1,2),(3,4);(5,6),(7,8)}'", "'[0:0]={(1,2),(3,4)}'"] },
  { type: "tsvector[]", kind: "json", values: [`ARRAY['a:1 b'::tsvector]`] },
  { type: "int2vector[]", kind: "json", values: ["ARRAY['1 2'::int2vector, '3 4']"] },
  { type: "hstore[]", kind: "json", values: [`ARRAY['a=>1,b=>NULL'::hstore, '']`] },
  { type: "int4range[]", kind: "json", values: ['\'{"[1,5)",empty,"(,)"}\'', "'[7:7]={\"[1,5)\"}'"] },
  { type: "words", kind: "json", values: ["'{a,NULL}'", "'[2:2]={a}'"] },
  { type: "pair", kind: "json", values: [`'(1,"a b",2.5)'`, `'(,,)'`, `ROW(NULL, E'"\\\\\\n', 1)`] },
  { type: "pair_domain", kind: "json", values: [`'(1,"a b",2.5)'`, `'(,,)'`] },
  {
    type: "pair[]",
    kind: "json",
    values: [
      `ARRAY[ROW(1, 'x"y', 2), ROW(NULL, NULL, NULL), NULL]::pair[]`,
      `array_fill(ROW(1, E'x"y, (z)\\\\', 2)::pair, '{1}', '{3}')`,
      `array_fill(ROW(NULL, '', NULL)::pair, '{2}', '{3}')`,
    ],
  },
  {
    type: "deep",
    kind: "json",
    values: [
      `ROW(ROW(1, 'a', 2), ARRAY[ROW(2, 'b', 3)::pair], '{"x" : [1]}', '{"y":2}', '2024-01-02 03:04:05+00', 'ä', '[1,3)', 1e6, 'a=>"b \\"c"')::deep`,
      `ROW(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)::deep`,
    ],
  },
  {
    type: "deep[]",
    kind: "json",
    values: [
      `ARRAY[ROW(ROW(1, 'a', 2), ARRAY[ROW(2, 'b', 3)::pair], '1', '{"y":2}', 'infinity', '', 'empty', 'NaN', '')::deep]`,
    ],
  },
  { type: "nothing", kind: "json", values: ["ROW()"] },
  { type: "small", kind: "decimal", values: ["499.99", "-0.01"] },
  { type: "smaller", kind: "decimal", values: ["499.99", "-0.01"] },
  { type: "hstore", kind: "json", values: [`'a=>1, "b c"=>NULL, "q\\"x"=>"ä"'`, "''"] },
  { type: "ltree", kind: "text", values: ["'a.b.c'", "''"] },
  { type: "lquery", kind: "text", values: ["'a.*{1,2}.b@'"] },
];

export const rangeSamples: readonly Sample[] = [
  { type: "int4range", kind: "text", values: ["'[1,10)'", "'empty'", "'(,)'", "'[1,]'", "'(,5)'"] },
  { type: "int8range", kind: "text", values: ["'[1,10]'"] },
  { type: "numrange", kind: "text", values: ["'(1.50,2]'", "'[-Infinity,NaN]'"] },
  {
    type: "daterange",
    kind: "text",
    values: ["'[2024-01-01,2024-02-01)'", "'[-infinity,infinity]'", "'[0044-03-15 BC,)'"],
  },
  { type: "tsrange", kind: "text", values: ["'[2024-01-01 10:00,2024-02-01 11:00:00.5)'"] },
  { type: "tstzrange", kind: "text", values: ["'[2024-01-01 10:00+02,infinity]'"] },
  { type: "floatrange", kind: "text", values: ["'[0.1,1e23)'"] },
  {
    type: "textrange",
    kind: "text",
    values: [`textrange('', 'a"b\\c')`, `textrange('x y', 'z,')`, `textrange('(', '[')`],
  },
  { type: "int4multirange", kind: "text", values: ["'{}'", "'{[1,3),[5,7)}'", "'{(,)}'"] },
  { type: "tsmultirange", kind: "text", values: ["'{[2024-01-01 10:00,2024-02-01)}'"] },
];

/** Types that to_json would convert by a cast, as it does those of PostGIS. */
const castTypes = ["citext", "castable", "castrange"];

export const castSetup = [
  "CREATE TYPE castable AS ENUM ('a', 'b \"x\"')",
  "CREATE TYPE castrange AS RANGE (subtype = int8)",
  ...castTypes.flatMap((type) => [
    `CREATE FUNCTION cast_json(${type}) RETURNS json LANGUAGE sql IMMUTABLE AS $$ SELECT '{"cast": 1}'::json $$`,
    `CREATE CAST (${type} AS json) WITH FUNCTION cast_json(${type})`,
  ]),
  "CREATE DOMAIN cast_domain AS citext",
  `CREATE TYPE cast_parts AS (c cast_domain, "it's \\ ""q""" castable[], n int, r castrange)`,
];

export const castSamples: readonly Sample[] = [
  { type: "castable", kind: "text", values: ["'a'"] },
  { type: "castrange", kind: "text", values: ["'[1,3)'"] },
  {
    type: "citext[]",
    kind: "json",
    values: [`ARRAY['A "q"', NULL, '']::citext[]`, "'{{a,b},{c,NULL}}'", "'[2:3]={a,b}'", "'{}'"],
  },
  { type: "cast_domain[]", kind: "json", values: ["'{A,b}'"] },
  {
    type: "castable[]",
    kind: "json",
    values: [`ARRAY['a', 'b "x"', NULL]::castable[]`, "'{{{a}},{{NULL}}}'"],
  },
  { type: "castrange[]", kind: "json", values: [`ARRAY['[1,3)', NULL, 'empty']::castrange[]`] },
  {
    type: "cast_parts",
    kind: "json",
    values: [
      `ROW('A"b', ARRAY['a', NULL]::castable[], 1, '[1,2)')::cast_parts`,
      "ROW(NULL, NULL, NULL, NULL)::cast_parts",
      "ROW('', '{}', NULL, 'empty')::cast_parts",
    ],
  },
  {
    type: "cast_parts[]",
    kind: "json",
    values: [
      `ARRAY[ROW('x', '{{a},{a}}', 2, '[1,2)'), NULL, ROW(NULL, NULL, NULL, NULL)]::cast_parts[]`,
      `ARRAY[[ROW('x', '{a}', 2, NULL)], [NULL]]::cast_parts[]`,
      `array_fill(ROW('x', NULL, NULL, NULL)::cast_parts, '{2}', '{3}')`,
    ],
  },
];
