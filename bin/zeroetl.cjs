#!/usr/bin/env node
// Every running DuckDB query holds one libuv thread, and the pool's size is read once, before its first use:
// with the default of 4, four long queries would stall replication. Hence this file, which runs before any import.
process.env.UV_THREADPOOL_SIZE ??= "16";
// The demo's AWS client would tell its users to upgrade a Node that is recent enough for everything here.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= "true";
import("../dist/src/main.js");
