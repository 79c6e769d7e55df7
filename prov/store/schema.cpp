#include "prov/store/schema.hpp"

namespace alisio::prov {

const std::vector<std::string>& schema_tables() {
  static const std::vector<std::string> statements{
      "CREATE TABLE store_version (number INTEGER NOT NULL)",
      "CREATE TABLE name (id {id}, kind INTEGER NOT NULL, text TEXT NOT NULL, "
      "UNIQUE (kind, text))",
      "CREATE TABLE directory (id {id}, path TEXT NOT NULL UNIQUE)",
      "CREATE TABLE content (id {id}, kind INTEGER NOT NULL, hash TEXT NOT NULL, body "
      "TEXT NOT NULL)",
      "CREATE TABLE journal (id {id}, path TEXT NOT NULL UNIQUE, size BIGINT NOT "
      "NULL, read_to BIGINT NOT NULL, head_size BIGINT NOT NULL, head_hash TEXT NOT NULL, "
      "mtime_ns BIGINT NOT NULL, broken BIGINT NOT NULL)",
      "CREATE TABLE session (id {id}, uuid TEXT NOT NULL, line_key BIGINT NOT NULL, "
      "host BIGINT, environment BIGINT)",
      "CREATE TABLE activity (id {id}, uuid TEXT NOT NULL, name BIGINT, run INTEGER "
      "NOT NULL, subrun INTEGER NOT NULL, telescope INTEGER NOT NULL, date BIGINT, production "
      "BIGINT, start_us BIGINT, end_us BIGINT, sign_us BIGINT NOT NULL, status INTEGER NOT NULL, "
      "exit_code INTEGER NOT NULL, message BIGINT, software BIGINT, operator BIGINT, session "
      "BIGINT, origin BIGINT, journal BIGINT, parameters BIGINT, command BIGINT, start_key BIGINT "
      "NOT NULL, parameters_key BIGINT NOT NULL, end_key BIGINT NOT NULL)",
      "CREATE TABLE entity (id {id}, uuid TEXT NOT NULL, name BIGINT, type BIGINT, "
      "level BIGINT, root BIGINT, directory BIGINT, file TEXT, logical TEXT, size BIGINT NOT NULL, "
      "sha256 TEXT, hash8 BIGINT, data_hash TEXT, data8 BIGINT, body BIGINT, generated_by BIGINT, "
      "same_as BIGINT, line_key BIGINT NOT NULL)",
      "CREATE TABLE used (activity BIGINT NOT NULL, role BIGINT NOT NULL, recorded BIGINT NOT "
      "NULL, port BIGINT NOT NULL, remark BIGINT NOT NULL, entity BIGINT NOT NULL, PRIMARY KEY "
      "(activity, role, recorded, port, remark)){clustered}",
      "CREATE TABLE generated (activity BIGINT NOT NULL, role BIGINT NOT NULL, entity BIGINT NOT "
      "NULL, port BIGINT NOT NULL, remark BIGINT NOT NULL, PRIMARY KEY (activity, role, entity, "
      "port, remark)){clustered}",
      "CREATE TABLE member (collection BIGINT NOT NULL, entity BIGINT NOT NULL, PRIMARY KEY "
      "(collection, entity)){clustered}",
      "CREATE TABLE derived (entity BIGINT NOT NULL, progenitor BIGINT NOT NULL, PRIMARY KEY "
      "(entity, progenitor)){clustered}",
      "CREATE TABLE note (about TEXT NOT NULL, at TEXT NOT NULL, author TEXT NOT NULL, text TEXT "
      "NOT NULL, PRIMARY KEY (about, at, author, text))",
  };
  return statements;
}

const std::vector<std::string>& schema_indexes() {
  static const std::vector<std::string> statements{
      "CREATE UNIQUE INDEX content_hash ON content (hash)",
      "CREATE UNIQUE INDEX session_uuid ON session (uuid)",
      "CREATE UNIQUE INDEX activity_uuid ON activity (uuid)",
      "CREATE INDEX activity_run ON activity (run, name, subrun)",
      "CREATE INDEX activity_session ON activity (session)",
      "CREATE UNIQUE INDEX entity_uuid ON entity (uuid)",
      "CREATE INDEX entity_generated ON entity (generated_by)",
      "CREATE INDEX entity_hash ON entity (hash8)",
      "CREATE INDEX entity_data ON entity (data8)",
      "CREATE INDEX entity_file ON entity (file)",
      "CREATE INDEX used_entity ON used (entity, activity)",
      "CREATE INDEX generated_entity ON generated (entity, activity)",
      "CREATE INDEX member_entity ON member (entity, collection)",
  };
  return statements;
}

const std::vector<std::string>& schema_views() {
  static const std::vector<std::string> statements{
      "CREATE VIEW voprov_activity AS SELECT a.uuid AS a_id, n.text AS a_name, a.start_us AS "
      "a_starttime_us, a.end_us AS a_endtime_us, a.status AS a_status, a.run AS a_run, a.subrun AS "
      "a_subrun, p.text AS a_production, s.text AS a_software FROM activity a JOIN name n ON n.id "
      "= a.name LEFT JOIN name p ON p.id = a.production LEFT JOIN name s ON s.id = a.software",
      "CREATE VIEW voprov_entity AS SELECT e.uuid AS e_id, n.text AS e_name, r.text AS e_root, "
      "d.path AS e_directory, e.file AS e_file, e.size AS e_size, e.sha256 AS e_sha256, "
      "e.data_hash AS e_data_hash FROM entity e LEFT JOIN name n ON n.id = e.name LEFT JOIN name r "
      "ON r.id = e.root LEFT JOIN directory d ON d.id = e.directory",
      "CREATE VIEW voprov_used AS SELECT a.uuid AS u_activity_id, e.uuid AS u_entity_id, r.text AS "
      "u_role FROM used u JOIN activity a ON a.id = u.activity JOIN entity e ON e.id = u.entity "
      "JOIN name r ON r.id = u.role",
      "CREATE VIEW voprov_wasgeneratedby AS SELECT e.uuid AS wgb_entity_id, a.uuid AS "
      "wgb_activity_id, r.text AS wgb_role FROM generated g JOIN activity a ON a.id = g.activity "
      "JOIN entity e ON e.id = g.entity JOIN name r ON r.id = g.role",
  };
  return statements;
}

const std::vector<std::string>& schema_table_names() {
  static const std::vector<std::string> names{
      "store_version", "name", "directory", "content", "journal", "session", "activity",
      "entity",        "used", "generated", "member",  "derived", "note"};
  return names;
}

}  // namespace alisio::prov
