import { sql, type Kysely, type Migration } from "kysely";

/** In the order of their names. A released migration is never changed: a new one follows it. */
export const migrations: Readonly<Record<string, Migration>> = {
  "0001-integrations": { up: integrations },
  "0002-events": { up: events },
  "0003-access-keys": { up: accessKeys },
  "0004-source-tags": { up: sourceTags },
  "0005-resource-policies": { up: resourcePolicies },
  "0006-data-keys": { up: dataKeys },
  "0007-source-versions": { up: sourceVersions },
  "0008-reasons": { up: reasons },
};

async function integrations(db: Kysely<unknown>): Promise<void> {
  await sql`
    CREATE TABLE zeroetl.integrations (
      ordinal integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      id text NOT NULL UNIQUE,
      name text NOT NULL,
      name_key text NOT NULL UNIQUE,
      source_arn text NOT NULL,
      target_arn text NOT NULL,
      data_filter text NOT NULL,
      description text,
      kms_key_id text NOT NULL,
      encryption_context jsonb NOT NULL,
      created_at timestamptz(3) NOT NULL,
      wanted text NOT NULL CHECK (wanted IN ('present', 'absent')),
      generation integer NOT NULL,
      status text NOT NULL CHECK (status IN
        ('creating', 'active', 'modifying', 'failed', 'deleting', 'syncing', 'needs_attention')),
      errors jsonb NOT NULL,
      UNIQUE (source_arn, target_arn),
      CHECK (wanted = 'present' OR status = 'deleting')
    )`.execute(db);
  await sql`
    CREATE TABLE zeroetl.tags (
      integration_id text NOT NULL REFERENCES zeroetl.integrations (id) ON DELETE CASCADE,
      key text NOT NULL,
      value text NOT NULL,
      PRIMARY KEY (integration_id, key)
    )`.execute(db);
  await sql`
    CREATE TABLE zeroetl.table_states (
      integration_id text NOT NULL REFERENCES zeroetl.integrations (id) ON DELETE CASCADE,
      source_database text NOT NULL,
      destination_database text NOT NULL,
      schema_name text NOT NULL,
      table_name text NOT NULL,
      state text NOT NULL,
      reason text,
      row_count double precision NOT NULL,
      PRIMARY KEY (integration_id, source_database, schema_name, table_name)
    )`.execute(db);
  await sql`CREATE TABLE zeroetl.settings (key text PRIMARY KEY, value text NOT NULL)`.execute(db);
  await sql`INSERT INTO zeroetl.settings VALUES ('creation', '')`.execute(db);
}

// Sources are configured, not created, so there is no row to reference.
async function sourceTags(db: Kysely<unknown>): Promise<void> {
  await sql`
    CREATE TABLE zeroetl.source_tags (
      source_arn text NOT NULL,
      key text NOT NULL,
      value text NOT NULL,
      PRIMARY KEY (source_arn, key)
    )`.execute(db);
}

// Existing integrations get their data key when it is first needed.
async function dataKeys(db: Kysely<unknown>): Promise<void> {
  await sql`ALTER TABLE zeroetl.integrations ADD COLUMN wrapped_key text`.execute(db);
}

// No reference to integrations: the events of one that no longer exists can still be read.
async function events(db: Kysely<unknown>): Promise<void> {
  await sql`
    CREATE TABLE zeroetl.events (
      ordinal integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      uuid text NOT NULL,
      integration_id text NOT NULL,
      integration_name text NOT NULL,
      source_arn text NOT NULL,
      target_arn text NOT NULL,
      event_id text NOT NULL,
      severity text NOT NULL,
      category text NOT NULL,
      status text NOT NULL,
      status_code text NOT NULL,
      message text NOT NULL,
      created_at timestamptz(3) NOT NULL,
      is_pending boolean NOT NULL
    )`.execute(db);
  await sql`CREATE INDEX events_by_integration ON zeroetl.events (integration_id, ordinal)`.execute(db);
  await sql`CREATE INDEX events_by_age ON zeroetl.events (created_at)`.execute(db);
  await sql`
    CREATE INDEX events_pending ON zeroetl.events (integration_id, ordinal) WHERE is_pending`.execute(db);
  await sql`INSERT INTO zeroetl.settings VALUES ('events', '')`.execute(db);
}

async function accessKeys(db: Kysely<unknown>): Promise<void> {
  await sql`
    CREATE TABLE zeroetl.access_keys (
      id text PRIMARY KEY,
      user_name text NOT NULL,
      sealed_secret text NOT NULL,
      policy text,
      is_enabled boolean NOT NULL,
      created_at timestamptz(3) NOT NULL
    )`.execute(db);
}

// Targets are configured, not created, so there is no row to reference.
async function resourcePolicies(db: Kysely<unknown>): Promise<void> {
  await sql`
    CREATE TABLE zeroetl.resource_policies (
      resource_arn text PRIMARY KEY,
      policy text NOT NULL
    )`.execute(db);
}

// Separate from tags, which callers write.
async function sourceVersions(db: Kysely<unknown>): Promise<void> {
  await sql`
    CREATE TABLE zeroetl.source_versions (
      source_arn text PRIMARY KEY,
      engine_version text NOT NULL
    )`.execute(db);
}

/** A reason was a text that began with its code. */
async function reasons(db: Kysely<unknown>): Promise<void> {
  await sql`
    ALTER TABLE zeroetl.table_states ALTER COLUMN reason TYPE jsonb USING
      CASE WHEN reason IS NOT NULL THEN jsonb_build_object(
        'code', coalesce(substring(reason FROM '^([A-Z_]+): '), 'TABLE_UNSUPPORTED'),
        'message', regexp_replace(reason, '^[A-Z_]+: ', ''))
      END`.execute(db);
}
