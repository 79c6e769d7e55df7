#pragma once
#include <string>
#include <vector>

namespace alisio::prov {

/// Number of the schema; an index of another one is made anew.
inline constexpr int store_schema = 1;

/// What an interned text is (`name.kind`).
enum class NameKind {
  activity = 1,
  role,
  entity,
  port,
  remark,  ///< why a file was chosen, or what was taken of it; what the gates said
  host,
  software,
  production,
  operator_name,
  date,
  origin,
  level,
  type,
  root  ///< folder above the data tree
};

/// What a body of text is (`content.kind`).
enum class ContentKind { parameters = 1, command, environment, configuration, value, message };

/// Statements that make the tables, in order; understood by SQLite and PostgreSQL once `{id}` is
/// the type of a row's number and `{clustered}` what keeps a table in the order of its primary key.
///
/// - `name(id, kind, text)`, `directory(id, path)`, `content(id, kind, hash, body)`: texts that
///   repeat, once each.
/// - `activity`: `uuid`, `name` (NULL: only heard of), `run`, `subrun`, `telescope`, `date`,
///   `production`, `start_us`, `end_us` (NULL: no end on record), `sign_us` (last line), `status`
///   (0 completed, 1 planned, 2 failed, 3 killed), `exit_code`, `message`, `software`, `operator`,
///   `session`, `origin`, `journal`, `parameters`, `command`. Times in µs since 1970 UTC.
/// - `entity`: `uuid`, `name`, `type`, `level`, `root`, `directory`, `file` (path = root/directory/
///   file; without a root, directory/file), `logical` (path below the data root if it is not
///   directory/file), `size`, `sha256`, `hash8` (its first 8 bytes), `data_hash`, `data8`, `body`,
///   `generated_by`, `same_as` (generated entity of equal content under another id).
/// - `used`, `generated`: `activity`, `role`, `entity`, `port`, `remark`; of `used`, `recorded` is
///   the entity as recorded and `entity` the generated one of equal content, if there is one.
/// - `member(collection, entity)`, `derived(entity, progenitor)`, `session`, `note`, `journal`.
[[nodiscard]] const std::vector<std::string>& schema_tables();
/// Statements that make the indexes: after a bulk load, before questions.
[[nodiscard]] const std::vector<std::string>& schema_indexes();
/// Views by the names of IVOA's ProvTAP: voprov_activity, voprov_entity, voprov_used,
/// voprov_wasgeneratedby.
[[nodiscard]] const std::vector<std::string>& schema_views();
/// All tables, in an order in which they can be dropped.
[[nodiscard]] const std::vector<std::string>& schema_table_names();

}  // namespace alisio::prov
