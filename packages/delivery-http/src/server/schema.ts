// The tables of the service.

export const VERSION = 4;

// Epochs are text: SQLite's integers have 63 bits. Times are in milliseconds since 1970.
// Text is compared with what clients send, and isn't read back to decide by: SQLite's drivers may cut it at U+0000.
export const SCHEMA = `
CREATE TABLE user (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE client (
  id INTEGER PRIMARY KEY,
  user INTEGER NOT NULL REFERENCES user (id),
  signature_key BLOB NOT NULL,
  suite INTEGER NOT NULL,
  time INTEGER NOT NULL,
  inbox_last INTEGER NOT NULL DEFAULT 0,
  UNIQUE (user, signature_key)
);
CREATE TABLE token (
  hash BLOB PRIMARY KEY,
  client INTEGER NOT NULL REFERENCES client (id),
  until INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX token_client ON token (client, until);

-- bytes is NULL when it was handed out or withdrawn: its Welcome may still come.
CREATE TABLE key_package (
  id INTEGER PRIMARY KEY,
  reference BLOB NOT NULL,
  client INTEGER NOT NULL REFERENCES client (id),
  suite INTEGER NOT NULL,
  not_after INTEGER NOT NULL,
  last_resort INTEGER NOT NULL,
  bytes BLOB,
  UNIQUE (reference)
);
CREATE INDEX key_package_offered ON key_package (client, suite, last_resort) WHERE bytes IS NOT NULL;
CREATE INDEX key_package_client ON key_package (client, id);
CREATE INDEX key_package_end ON key_package (not_after);

-- The number of a group is never given again: what is in memory may name one that has ended. used is when a member last was there.
CREATE TABLE grp (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  group_id BLOB NOT NULL UNIQUE,
  maker INTEGER NOT NULL,
  last INTEGER NOT NULL,
  last_handshake INTEGER NOT NULL,
  gone INTEGER NOT NULL,
  size INTEGER NOT NULL,
  used INTEGER NOT NULL,
  group_info BLOB NOT NULL
);
CREATE INDEX grp_maker ON grp (maker);
CREATE INDEX grp_used ON grp (used);
-- Hashes of the IDs of groups that have ended: nobody gets one again.
CREATE TABLE ended (hash BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE entry (
  grp INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  id TEXT NOT NULL,
  epoch TEXT NOT NULL,
  message BLOB NOT NULL,
  time INTEGER NOT NULL,
  PRIMARY KEY (grp, seq)
) WITHOUT ROWID;
CREATE INDEX entry_time ON entry (time);
CREATE INDEX entry_handshake ON entry (grp, seq) WHERE kind = 1;
CREATE TABLE submission (
  grp INTEGER NOT NULL,
  id TEXT NOT NULL,
  client INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  time INTEGER NOT NULL,
  PRIMARY KEY (grp, id)
) WITHOUT ROWID;
CREATE INDEX submission_time ON submission (time);
CREATE INDEX submission_place ON submission (grp, seq);

-- The key that a handshake has registered, and what the rules of access need. parent and root are places of handshakes.
CREATE TABLE epoch_key (
  grp INTEGER NOT NULL,
  handshake INTEGER NOT NULL,
  suite INTEGER NOT NULL,
  public_key BLOB NOT NULL,
  client INTEGER NOT NULL,
  parent INTEGER,
  root INTEGER,
  overtaken INTEGER,
  reads_up_to INTEGER NOT NULL,
  PRIMARY KEY (grp, handshake)
) WITHOUT ROWID;
CREATE INDEX epoch_key_public ON epoch_key (grp, public_key);
CREATE TABLE proof (
  grp INTEGER NOT NULL,
  client INTEGER NOT NULL,
  handshake INTEGER NOT NULL,
  PRIMARY KEY (grp, client, handshake)
) WITHOUT ROWID;
-- Users who may know the state of a group without a key. Outlasts its log.
CREATE TABLE known (
  grp INTEGER NOT NULL,
  user INTEGER NOT NULL,
  PRIMARY KEY (grp, user)
) WITHOUT ROWID;

CREATE TABLE welcome (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL);
CREATE TABLE inbox (
  client INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  reference BLOB NOT NULL,
  grp INTEGER NOT NULL,
  handshake INTEGER NOT NULL,
  welcome INTEGER NOT NULL,
  time INTEGER NOT NULL,
  PRIMARY KEY (client, seq)
) WITHOUT ROWID;
CREATE INDEX inbox_welcome ON inbox (welcome);
CREATE INDEX inbox_time ON inbox (time);
`;
