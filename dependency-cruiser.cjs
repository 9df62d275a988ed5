/** Which folder may import which. The one place where the architecture is enforced. */
const mayImport = {
  base: [],
  model: ["base"],
  config: ["base", "model", "kms"],
  wire: ["base", "model"],
  columnar: ["base", "model"],
  source: ["base", "model", "wire"],
  target: ["base", "model", "wire", "columnar"],
  catalog: ["base", "model"],
  kms: ["base", "model"],
  pipeline: ["base", "model", "source", "target"],
  runtime: ["base", "model", "source", "target", "pipeline", "catalog", "kms"],
  api: ["base", "model", "wire", "catalog", "kms"],
  sql: ["base", "model", "wire", "catalog", "target"],
  service: ["base", "model", "config", "source", "target", "catalog", "kms", "runtime", "api"],
  cli: ["base", "model", "config", "source", "target", "runtime", "service"],
};

const layerRules = Object.entries(mayImport).map(([folder, below]) => ({
  name: `${folder}-imports-only-what-is-below`,
  severity: "error",
  from: { path: `^src/${folder}/` },
  to: { path: "^src/", pathNot: `^src/(${[folder, ...below].join("|")})/` },
}));

module.exports = {
  forbidden: [
    { name: "no-cycle", severity: "error", from: {}, to: { circular: true } },
    {
      name: "no-orphan",
      severity: "error",
      from: { orphan: true, pathNot: "(main|\\.test)\\.ts$" },
      to: {},
    },
    ...layerRules,
    {
      name: "main-alone-at-the-root",
      severity: "error",
      from: { path: "^src/[^/]+$", pathNot: "^src/main\\.ts$" },
      to: {},
    },
    {
      name: "engines-are-strangers",
      comment: "source/postgres must not know source/mysql; target/sql is shared on purpose",
      severity: "error",
      from: { path: "^src/(source|target)/([^/]+)/" },
      to: { path: "^src/$1/[^/]+/", pathNot: "^src/$1/($2|sql)/" },
    },
    {
      name: "only-runtime-knows-engines",
      severity: "error",
      from: {
        path: "^src/",
        pathNot: "^src/(service|cli|source|target|runtime)/",
      },
      to: { path: "^src/(source|target)/", pathNot: "^src/(source/source|target/target)\\.ts$" },
    },
  ],
  options: {
    tsConfig: { fileName: "tsconfig.json" },
    tsPreCompilationDeps: true,
    doNotFollow: { path: "node_modules" },
  },
};
